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
    /// For how many bytes the memory goes on right behind the unit, as it does within a leaf;
    /// [`u64::MAX`]: it does, and nobody has looked how far.
    beyond: u64,
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
            beyond: 0,
        }
    }

    /// Looks up what is behind `unit` at `iova`, and cuts the unit down to what fits.
    ///
    /// `translate` is the driver's `iova_to_phys`. Its answer 0 is ambiguous, no translation or
    /// physical address 0, and drivers disagree about gaps: most stop, some skip them, and a few
    /// count what they skipped. So a gap is never planned together with its neighbours: the answer
    /// 0 ends a unit or begins one of its own, which is recorded as physical address 0 and, if it
    /// was a gap, is not unmapped. (One thing is beyond telling: a gap right before a mapping of
    /// the second granule of physical memory looks like the first, to drivers that skip gaps.)
    ///
    /// A unit is never cut through a leaf of a page table. Runs end where leaves end, and the
    /// bounds of the pages stay where the core put them. Where not even a single page of the unit
    /// fits, its leaves must be smaller than it, hence no larger than the next smaller page size.
    /// (Drivers without a table, as that of virtio-iommu, have mappings with any bounds: they go
    /// as a whole.)
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
            // A page of no size fits not even once.
            let pages = fitted.checked_div(unit.pgsize).unwrap_or(0);
            if pages > 0 {
                let count = pages.min(unit.count);
                let planned = count.saturating_mul(unit.pgsize);
                self.beyond = self.shorten(planned);
                if planned >= fitted {
                    let behind = iova.checked_add(planned);
                    let follows = |iova| self.end().is_some_and(|end| translate(iova) == end);
                    self.beyond = if behind.is_some_and(follows) {
                        u64::MAX
                    } else {
                        0
                    };
                }
                return Unit { count, ..unit };
            }
            let smaller = pgsize_bitmap & unit.pgsize.saturating_sub(1);
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
        (self.len, self.beyond) = (0, 0);
        let bytes = unit.pgsize.saturating_mul(unit.count);
        let mut done = 0u64;
        while done < bytes {
            let phys = translate(iova.wrapping_add(done));
            if !self.push(phys, granule.bytes()) {
                break;
            }
            // Only a unit as large as the address space gets to the end of it.
            done = done.saturating_add(granule.bytes());
        }
        done
    }

    fn push(&mut self, phys: u64, bytes: u64) -> bool {
        let len = self.len as usize;
        if let Some(last) = len.checked_sub(1) {
            if let (Some(first), Some(sum)) = (self.first.get(last), self.bytes.get_mut(last)) {
                if first.checked_add(*sum) == Some(phys) {
                    *sum = sum.saturating_add(bytes);
                    return true;
                }
            }
            // What may be a gap stands alone.
            if phys == 0 || self.first[0] == 0 {
                return false;
            }
        }
        let (Some(first), Some(sum)) = (self.first.get_mut(len), self.bytes.get_mut(len)) else {
            return false;
        };
        (*first, *sum) = (phys, bytes);
        self.len += 1;
        true
    }

    /// Forgets what lies behind the first `bytes` bytes. Returns how much of a run that was cut.
    fn shorten(&mut self, bytes: u64) -> u64 {
        let mut rest = bytes;
        let mut cut = 0;
        let mut len = 0;
        for run in self.bytes.iter_mut().take(self.len as usize) {
            if rest == 0 {
                break;
            }
            cut = run.saturating_sub(rest);
            *run -= cut;
            rest -= *run;
            len += 1;
        }
        self.len = len;
        cut
    }

    /// The first byte behind the last run.
    fn end(&self) -> Option<u64> {
        let last = self.len.checked_sub(1)? as usize;
        self.first.get(last)?.checked_add(*self.bytes.get(last)?)
    }

    /// Whether a run that was settled may have been a gap, which some drivers count as unmapped.
    ///
    /// That such a run takes away what nobody has counted says nothing.
    pub fn may_be_gap(run: Run) -> bool {
        run.first() == PhysAddr(0)
    }

    /// Calls `gone` for what an unmap at `iova` has taken away, and returns how much that was.
    ///
    /// A driver may remove less than it was asked (it met a gap) or more (the range ended inside a
    /// leaf, which goes as a whole). Such a leaf goes on behind the record, before the unmap and
    /// not after: `translate` is asked again. A driver that keeps several translations of an
    /// address says how many bytes all of them were; only one of them had been counted.
    pub fn settle(
        &self,
        iova: u64,
        unmapped: u64,
        granule: Granule,
        translate: impl FnMut(u64) -> u64,
        mut gone: impl FnMut(Run),
    ) -> u64 {
        let mut rest = unmapped;
        let runs = self.first.iter().zip(&self.bytes);
        let mut more = self.more(iova, unmapped, granule, translate);
        for (at, (&first, &bytes)) in (1..).zip(runs.take(self.len as usize)) {
            let mut bytes = rest.min(bytes);
            rest -= bytes;
            if at == self.len {
                bytes = bytes.saturating_add(more);
                rest = rest.saturating_sub(core::mem::take(&mut more));
            }
            if let Some(run) = Run::new(PhysAddr(first), bytes) {
                gone(run);
            }
        }
        unmapped - rest
    }

    /// How much has gone behind the record.
    fn more(
        &self,
        iova: u64,
        unmapped: u64,
        granule: Granule,
        mut translate: impl FnMut(u64) -> u64,
    ) -> u64 {
        let runs = self.bytes.iter().take(self.len as usize);
        let recorded = runs.fold(0u64, |sum, &bytes| sum.saturating_add(bytes));
        let most = unmapped.saturating_sub(recorded).min(self.beyond);
        let Some(end) = self.end() else {
            return 0;
        };
        let mut done = 0u64;
        while done < most {
            let at = iova.wrapping_add(recorded).wrapping_add(done);
            if translate(at) == end.wrapping_add(done) {
                break;
            }
            done = done.saturating_add(granule.bytes());
        }
        done.min(most)
    }
}

impl Default for PendingUnmap {
    fn default() -> Self {
        Self::new()
    }
}
