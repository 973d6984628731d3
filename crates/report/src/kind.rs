// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What a report is about.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What the sanitizer objects to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A page went back to the page allocator while a device could reach it.
    FreedWhileMapped,
    /// The page allocator handed out a page that a device could reach.
    AllocatedWhileMapped,
    /// C only: one of the two above, and the log does not show which.
    StillMapped,
    /// A domain was freed with live translations in it.
    LeakAtDomainEnd,
    /// More was unmapped than had ever been mapped.
    UnmapUnderflow,
    /// A driver mapped over translations that were still live, and never unmapped them.
    OverwrittenLiveEntry,
    /// A page is mapped so often that its count has no room left.
    CountOverflow,
    /// A driver left its device with live translations of it.
    LeakAtUnbind,
    /// An unmap took more away than it was asked to.
    OversizedUnmap,
    /// C only: another warning of the sanitizer's own file.
    AccountingWarning,
    /// Rust only: a kind that is newer than this program.
    Other,
    /// `DMA_API_DEBUG`: a driver left its device with DMA mappings.
    DmaApiLeak,
    /// `DMA_API_DEBUG`: an unmap or free of what is not mapped.
    DmaApiUnknownFree,
    /// `DMA_API_DEBUG`: an unmap or free that does not match the map.
    DmaApiMismatchedFree,
    /// `DMA_API_DEBUG`: nobody looked whether a map had failed.
    DmaApiUncheckedError,
    /// `DMA_API_DEBUG`: a sync that does not match the map.
    DmaApiWrongSync,
    /// `DMA_API_DEBUG`: memory that must not be mapped.
    DmaApiBadMemory,
    /// `DMA_API_DEBUG`: two mappings of the same cache line.
    DmaApiOverlap,
    /// `DMA_API_DEBUG`: a segment that the device cannot take.
    DmaApiBadSegment,
    /// `DMA_API_DEBUG`: anything else.
    DmaApiOther,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 20] = [
        Self::FreedWhileMapped,
        Self::AllocatedWhileMapped,
        Self::StillMapped,
        Self::LeakAtDomainEnd,
        Self::UnmapUnderflow,
        Self::OverwrittenLiveEntry,
        Self::CountOverflow,
        Self::LeakAtUnbind,
        Self::OversizedUnmap,
        Self::AccountingWarning,
        Self::Other,
        Self::DmaApiLeak,
        Self::DmaApiUnknownFree,
        Self::DmaApiMismatchedFree,
        Self::DmaApiUncheckedError,
        Self::DmaApiWrongSync,
        Self::DmaApiBadMemory,
        Self::DmaApiOverlap,
        Self::DmaApiBadSegment,
        Self::DmaApiOther,
    ];

    /// The word for it, the same in JSON, in text and in the kernel log: `freed-while-mapped`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::FreedWhileMapped => "freed-while-mapped",
            Self::AllocatedWhileMapped => "allocated-while-mapped",
            Self::StillMapped => "still-mapped",
            Self::LeakAtDomainEnd => "leak-at-domain-end",
            Self::UnmapUnderflow => "unmap-underflow",
            Self::OverwrittenLiveEntry => "overwritten-live-entry",
            Self::CountOverflow => "count-overflow",
            Self::LeakAtUnbind => "leak-at-unbind",
            Self::OversizedUnmap => "oversized-unmap",
            Self::AccountingWarning => "accounting-warning",
            Self::Other => "other",
            Self::DmaApiLeak => "dma-api-leak",
            Self::DmaApiUnknownFree => "dma-api-unknown-free",
            Self::DmaApiMismatchedFree => "dma-api-mismatched-free",
            Self::DmaApiUncheckedError => "dma-api-unchecked-error",
            Self::DmaApiWrongSync => "dma-api-wrong-sync",
            Self::DmaApiBadMemory => "dma-api-bad-memory",
            Self::DmaApiOverlap => "dma-api-overlap",
            Self::DmaApiBadSegment => "dma-api-bad-segment",
            Self::DmaApiOther => "dma-api-other",
        }
    }

    /// The kind of this name; [`Kind::Other`] if the word only looks like the name of one.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        let known = Self::ALL.into_iter().find(|kind| kind.name() == name);
        let plausible =
            name.contains('-') && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        known.or(plausible.then_some(Self::Other))
    }

    /// Whether a stale mapping was found, as opposed to a count that cannot be.
    #[must_use]
    pub fn is_mapping_bug(self) -> bool {
        matches!(
            self,
            Self::FreedWhileMapped
                | Self::AllocatedWhileMapped
                | Self::StillMapped
                | Self::LeakAtDomainEnd
                | Self::LeakAtUnbind
                | Self::OverwrittenLiveEntry
                | Self::DmaApiLeak
        )
    }
}

/// See [`Kind::name`].
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_has_one_name_everywhere() {
        for kind in Kind::ALL {
            let json = serde_json::to_string(&kind).unwrap();
            assert_eq!(json, format!("\"{kind}\""));
            assert_eq!(Kind::from_name(kind.name()), Some(kind));
        }
    }
}
