// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What each kind of report means, for somebody who has not met it before.

use crate::kind::Kind;

impl Kind {
    /// What went wrong, in one sentence.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::FreedWhileMapped => {
                "A page was freed while a device could still reach it: whoever gets the page next \
                 shares it with the device."
            }
            Self::AllocatedWhileMapped => {
                "A page was handed out while a device could still reach it: its new owner shares \
                 it with the device."
            }
            Self::StillMapped => {
                "A page changed hands while a device could still reach it; the log does not show \
                 whether it was freed or allocated."
            }
            Self::LeakAtDomainEnd => {
                "An IOMMU domain was freed with translations in it: whoever mapped them never \
                 unmapped them."
            }
            Self::LeakAtUnbind => {
                "A driver left its device and left mappings behind: the device can still reach \
                 memory that nobody looks after any more."
            }
            Self::UnmapUnderflow => {
                "Something was unmapped that was not mapped: a second unmap, or one of the wrong \
                 address or size."
            }
            Self::OversizedUnmap => {
                "An unmap took more away than it was asked to: the range ends within a larger \
                 page of the page table, and the rest of that page went with it."
            }
            Self::OverwrittenLiveEntry => {
                "A driver mapped over translations that were still live, so the pages below can \
                 never be unmapped again."
            }
            Self::CountOverflow => {
                "A page has been mapped tens of millions of times and is no longer watched."
            }
            Self::AccountingWarning => {
                "The sanitizer's own counts do not agree with what it is told; a false alarm of \
                 the implementation in C is as likely as a bug in a driver."
            }
            Self::Other => "The sanitizer objects to something that this program does not know.",
            Self::DmaApiLeak => "A driver left its device with DMA mappings that it never undid.",
            Self::DmaApiUnknownFree => {
                "A driver unmapped or freed a DMA address that was not mapped: a second unmap, or \
                 an address that never came from the DMA API."
            }
            Self::DmaApiMismatchedFree => {
                "A driver unmapped or freed DMA memory in another way than it was mapped."
            }
            Self::DmaApiUncheckedError => {
                "A driver mapped memory and never asked whether that had failed."
            }
            Self::DmaApiWrongSync => {
                "A driver synced DMA memory that is not mapped, or not in that size or direction."
            }
            Self::DmaApiBadMemory => {
                "A driver mapped memory that a device must not reach, such as its own stack."
            }
            Self::DmaApiOverlap => {
                "The same cache line is mapped twice at a time: on a machine without coherent DMA \
                 one mapping spoils the other."
            }
            Self::DmaApiBadSegment => {
                "A scatterlist has a segment longer than the device says it takes, or across a \
                 boundary it cannot cross."
            }
            Self::DmaApiOther => "The DMA API was used in a way that it does not allow.",
        }
    }

    /// What usually mends it, in one sentence.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        match self {
            Self::FreedWhileMapped | Self::AllocatedWhileMapped | Self::StillMapped => {
                "Unmap before the page goes, with the address and size of the map, on every path \
                 that frees it: errors, timeouts, reset, removal."
            }
            Self::LeakAtDomainEnd => {
                "Unmap everything before iommu_domain_free() or the detach that leads to it."
            }
            Self::LeakAtUnbind | Self::DmaApiLeak => {
                "Undo in remove() what probe() and the requests in flight have mapped, or map \
                 with the dmam_ functions, which undo it by themselves."
            }
            Self::UnmapUnderflow | Self::DmaApiUnknownFree => {
                "Forget the address when it is unmapped, and let one place only do so; compare the \
                 unmap's address and size with those of the map."
            }
            Self::OversizedUnmap => {
                "Unmap what was mapped, in the same pieces or in larger ones, never a part."
            }
            Self::OverwrittenLiveEntry => {
                "Unmap the old range first; look at how the IOVA was chosen, which was still in use."
            }
            Self::CountOverflow => "Look for a map in a loop whose unmap is missing.",
            Self::AccountingWarning => {
                "Try the implementation in Rust, which is exact here; if it agrees, look for an \
                 unmap too many."
            }
            Self::Other => "Read the report itself, or get a newer dmasan.",
            Self::DmaApiMismatchedFree => {
                "Give the unmap the device, address, size, direction and attributes of the map, \
                 and the function that belongs to it; for a scatterlist, the count that went in."
            }
            Self::DmaApiUncheckedError => {
                "Call dma_mapping_error() on every address that a map returns, and handle it."
            }
            Self::DmaApiWrongSync => {
                "Sync only between map and unmap, within the mapped range, in its direction."
            }
            Self::DmaApiBadMemory => "Allocate the buffer with kmalloc() or the page allocator.",
            Self::DmaApiOverlap => {
                "Unmap before mapping again, and keep buffers of devices apart, each in cache \
                 lines of its own."
            }
            Self::DmaApiBadSegment => {
                "Set the device's limits with dma_set_max_seg_size() and \
                 dma_set_seg_boundary(), or have the block or network layer keep to them."
            }
            Self::DmaApiOther => "Read the message; Documentation/core-api/dma-api.rst has the rules.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_explained_in_one_sentence_each() {
        for kind in Kind::ALL {
            for text in [kind.meaning(), kind.remedy()] {
                assert!(text.ends_with('.') && !text.contains("  "), "{text}");
                assert!(!text.contains(". "), "{text}");
            }
        }
    }
}
