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
    /// C only: another warning of the sanitizer's own file.
    AccountingWarning,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::FreedWhileMapped,
        Self::AllocatedWhileMapped,
        Self::StillMapped,
        Self::LeakAtDomainEnd,
        Self::UnmapUnderflow,
        Self::OverwrittenLiveEntry,
        Self::CountOverflow,
        Self::AccountingWarning,
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
            Self::AccountingWarning => "accounting-warning",
        }
    }

    /// The kind of this name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
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
                | Self::OverwrittenLiveEntry
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
