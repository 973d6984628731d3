// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Unmaps through drivers that cannot tell what they unmapped.
//!
//! The translations must be looked up before they go and uncounted after. Nothing can be
//! allocated in between, so an unmap is done in units small enough that the runs behind one fit
//! into a fixed record.

use super::{Granule, PhysAddr, Run};

/// One call of a driver's unmap: `count` pages of `pgsize` bytes each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit {
    /// The size of a page in bytes; one of the domain's page sizes.
    pub pgsize: u64,
    /// How many of them.
    pub count: u64,
}

/// The runs behind a part of the IOVA space that is about to be unmapped.
///
/// The layout is C's: the C code that calls the driver keeps it on its stack.
#[repr(C)]
#[derive(Clone, Debug)]
pub struct PendingUnmap {
    first: [u64; PendingUnmap::RUNS],
    bytes: [u64; PendingUnmap::RUNS],
    len: u64,
}

impl PendingUnmap {
    /// How many runs fit.
    pub const RUNS: usize = 16;

    /// Nothing recorded.
    pub const fn new() -> Self {
        Self {
            first: [0; Self::RUNS],
            bytes: [0; Self::RUNS],
            len: 0,
        }
    }

    /// Looks up what is behind `unit` at `iova`, and cuts the unit down to what fits.
    ///
    /// `translate` is the driver's `iova_to_phys`. Its answer 0 is ambiguous, no translation or
    /// physical address 0, and is recorded as the latter: the driver stops at the first gap, so
    /// that nothing behind a gap is ever settled.
    ///
    /// A unit is never cut through a leaf. As long as the pages are only made fewer, the bounds
    /// stay where the core put them. Where a single page of the unit has more runs than fit, its
    /// leaves must be smaller than it, hence no larger than the next smaller page size.
    pub fn plan(
        &mut self,
        iova: u64,
        unit: Unit,
        pgsize_bitmap: u64,
        granule: Granule,
        mut translate: impl FnMut(u64) -> u64,
    ) -> Unit {
        let mut unit = unit;
        loop {
            let fitted = self.record(iova, unit, granule, &mut translate);
            let pages = fitted / unit.pgsize;
            if pages > 0 {
                let count = pages.min(unit.count);
                return Unit { count, ..unit };
            }
            let smaller = pgsize_bitmap & (unit.pgsize - 1);
            if smaller == 0 {
                // A page of granule size always fits; this is a unit of no pages.
                return Unit { count: 0, ..unit };
            }
            let pgsize = 1 << (u64::BITS - 1 - smaller.leading_zeros());
            unit = Unit {
                pgsize,
                count: unit.pgsize / pgsize,
            };
        }
    }

    /// Records granule by granule and returns how many bytes fitted.
    fn record(
        &mut self,
        iova: u64,
        unit: Unit,
        granule: Granule,
        translate: &mut impl FnMut(u64) -> u64,
    ) -> u64 {
        self.len = 0;
        let bytes = unit.pgsize.saturating_mul(unit.count);
        let mut done = 0;
        while done < bytes {
            let phys = translate(iova.wrapping_add(done));
            if !self.push(phys, granule.bytes()) {
                break;
            }
            done += granule.bytes();
        }
        done
    }

    fn push(&mut self, phys: u64, bytes: u64) -> bool {
        let len = self.len as usize;
        if let Some(i) = len.checked_sub(1) {
            if self.first[i].wrapping_add(self.bytes[i]) == phys {
                self.bytes[i] += bytes;
                return true;
            }
        }
        if len == Self::RUNS {
            return false;
        }
        self.first[len] = phys;
        self.bytes[len] = bytes;
        self.len += 1;
        true
    }

    /// Calls `gone` for the runs behind the first `unmapped` bytes.
    ///
    /// A driver may remove less than it was asked (it met a gap) or more (the range ended inside a
    /// leaf, which goes as a whole). What goes beyond the record belongs to the leaf that the last
    /// recorded run is a part of, and so lies right behind it.
    pub fn settle(&self, unmapped: u64, mut gone: impl FnMut(Run)) {
        let mut rest = unmapped;
        let len = (self.len as usize).min(Self::RUNS);
        for i in 0..len {
            let last = i + 1 == len;
            let bytes = if last { rest } else { rest.min(self.bytes[i]) };
            if let Some(run) = Run::new(PhysAddr(self.first[i]), bytes) {
                gone(run);
            }
            rest -= bytes;
        }
    }
}

impl Default for PendingUnmap {
    fn default() -> Self {
        Self::new()
    }
}
