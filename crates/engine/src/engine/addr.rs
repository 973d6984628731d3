// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Physical addresses, page frame numbers and ranges of pages.
//!
//! Addresses are 64 bits wide whatever the CPU, because 32-bit kernels have physical addresses
//! above 4 GiB. Ranges are closed, because the last byte and the last page of the address space
//! are ordinary inputs and an open end would overflow there.

/// A physical address, in bytes. Zero is a legal one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhysAddr(pub u64);

/// A page frame number: a physical address divided by the size of a CPU page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pfn(pub u64);

/// The size of a CPU page, as a power of two.
///
/// Kernels have 12 to 18. More than 2^24 granules in a page cannot be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageShift(pub u32);

impl PageShift {
    /// The page that holds an address.
    #[inline]
    pub fn pfn_of(self, addr: PhysAddr) -> Pfn {
        Pfn(addr.0 >> self.0)
    }

    /// The first byte of a page.
    #[inline]
    pub fn first_byte(self, pfn: Pfn) -> PhysAddr {
        PhysAddr(pfn.0 << self.0)
    }

    /// The last byte of a page.
    #[inline]
    pub fn last_byte(self, pfn: Pfn) -> PhysAddr {
        PhysAddr((pfn.0 << self.0) | ((1 << self.0) - 1))
    }
}

/// A closed range of CPU pages. Never empty.
///
/// # Invariants
///
/// `first <= last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRange {
    first: Pfn,
    last: Pfn,
}

impl PageRange {
    /// The pages from `first` to `last`, both included. `None` if that is no page at all.
    #[inline]
    pub fn new(first: Pfn, last: Pfn) -> Option<Self> {
        // INVARIANT: `first <= last` was just checked.
        (first <= last).then_some(Self { first, last })
    }

    /// `count` pages from `first` on. `None` if that is no page, or more than there can be.
    #[inline]
    pub fn from_count(first: Pfn, count: u64) -> Option<Self> {
        let last = first.0.checked_add(count.checked_sub(1)?)?;
        // INVARIANT: `last` is `first` plus something.
        Some(Self {
            first,
            last: Pfn(last),
        })
    }

    /// The first page.
    #[inline]
    pub fn first(self) -> Pfn {
        self.first
    }

    /// The last page, which belongs to the range.
    #[inline]
    pub fn last(self) -> Pfn {
        self.last
    }

    /// How many pages there are. Saturates for the one range that holds all 2^64 of them.
    #[inline]
    pub fn count(self) -> u64 {
        (self.last.0 - self.first.0).saturating_add(1)
    }

    /// The part of the range that reaches no further than `last`, if there is one.
    #[inline]
    pub fn up_to(self, last: Pfn) -> Option<Self> {
        Self::new(self.first, self.last.min(last))
    }

    /// The part of the range behind `pfn`, if there is one.
    #[inline]
    pub fn after(self, pfn: Pfn) -> Option<Self> {
        let next = Pfn(pfn.0.checked_add(1)?);
        Self::new(self.first.max(next), self.last)
    }
}
