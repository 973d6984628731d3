// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The smallest page of an IOMMU.

use core::num::NonZeroU64;

/// The smallest page that a domain can map, as a power of two.
///
/// It need not be the CPU's page size, and differs between IOMMUs in one machine. Map and unmap
/// count in granules, since the size of the leaves that a mapping was made of is not known when
/// it is taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Granule(u32);

impl Granule {
    /// A granule of `1 << shift` bytes. `None` from 64 bits on.
    #[inline]
    pub fn from_shift(shift: u32) -> Option<Self> {
        (shift < u64::BITS).then_some(Self(shift))
    }

    /// The granule of a domain: the lowest bit of its bitmap of page sizes.
    ///
    /// `None` if the domain has no page size at all, which is a domain that cannot map.
    #[inline]
    pub fn from_bitmap(pgsize_bitmap: u64) -> Option<Self> {
        NonZeroU64::new(pgsize_bitmap).map(|bitmap| Self(bitmap.trailing_zeros()))
    }

    /// The base-2 logarithm of the granule.
    #[inline]
    pub fn shift(self) -> u32 {
        self.0
    }

    /// The size in bytes.
    #[inline]
    pub fn bytes(self) -> u64 {
        1 << self.0
    }

    /// `len` bytes rounded up to whole granules; saturates at the end of the address space.
    #[inline]
    pub fn round_up(self, len: u64) -> u64 {
        match len.checked_add(self.bytes() - 1) {
            Some(sum) => sum & !(self.bytes() - 1),
            None => u64::MAX,
        }
    }
}
