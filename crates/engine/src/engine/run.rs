// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Runs: what translations point at, and how a run falls on CPU pages.

use super::{Granule, PageRange, PageShift, Pfn, PhysAddr};

/// A physically contiguous piece of memory that translations point at. Never empty.
///
/// # Invariants
///
/// `first <= last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    first: u64,
    last: u64,
}

impl Run {
    /// `len` bytes from `start` on.
    ///
    /// `None` if that is nothing, or if it would pass the end of the address space: no table can
    /// hold such a translation. A run that ends with the very last byte is fine.
    #[inline]
    pub fn new(start: PhysAddr, len: u64) -> Option<Self> {
        let last = start.0.checked_add(len.checked_sub(1)?)?;
        // INVARIANT: `last` is `start` plus something.
        Some(Self {
            first: start.0,
            last,
        })
    }

    /// The bytes from `first` to `last`, both included. `None` if that is nothing.
    #[inline]
    pub fn closed(first: PhysAddr, last: PhysAddr) -> Option<Self> {
        // INVARIANT: `first <= last` was just checked.
        (first <= last).then_some(Self {
            first: first.0,
            last: last.0,
        })
    }

    /// The first byte.
    #[inline]
    pub fn first(self) -> PhysAddr {
        PhysAddr(self.first)
    }

    /// The last byte, which belongs to the run.
    #[inline]
    pub fn last(self) -> PhysAddr {
        PhysAddr(self.last)
    }

    /// The part that begins `offset` bytes into the run, if there is one.
    #[inline]
    pub fn skip(self, offset: u64) -> Option<Self> {
        let first = self.first.checked_add(offset)?;
        Self::closed(PhysAddr(first), self.last())
    }

    /// One run, if `next` begins where this one ends.
    #[inline]
    pub fn join(self, next: Run) -> Option<Self> {
        (self.last.checked_add(1) == Some(next.first)).then_some(Self {
            // INVARIANT: `self.first <= self.last < next.first <= next.last`.
            first: self.first,
            last: next.last,
        })
    }

    /// The pages of a run that has the same weight in all of them, as nearly every run has.
    #[inline]
    pub(super) fn even(self, page: PageShift, granule: Granule) -> Option<Stretch> {
        let pages = PageRange::new(page.pfn_of(self.first()), page.pfn_of(self.last()))?;
        if granule.shift() >= page.0 {
            return Some(Stretch { pages, weight: 1 });
        }
        let whole = self.first() == page.first_byte(pages.first())
            && self.last() == page.last_byte(pages.last());
        whole.then(|| Stretch {
            pages,
            weight: 1 << (page.0 - granule.shift()),
        })
    }

    /// The pages that the run touches, cut into stretches of equal weight.
    ///
    /// There are at most three: the page that the run begins in, the page that it ends in, and
    /// all between. The sum over a page of the weights of disjoint, granule-aligned runs is the
    /// number of granules in it that they touch.
    #[inline]
    pub fn stretches(self, page: PageShift, granule: Granule) -> Stretches {
        Stretches {
            rest: Some(self),
            page,
            granule,
        }
    }
}

/// Pages in which a run has the same number of granules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// The pages.
    pub pages: PageRange,
    /// Granules of the run in each of them. One where the granule is a page or more.
    pub weight: u32,
}

/// Iterator over the stretches of a run; made by [`Run::stretches`].
#[derive(Clone, Debug)]
pub struct Stretches {
    rest: Option<Run>,
    page: PageShift,
    granule: Granule,
}

impl Stretches {
    /// The granules that a piece of a single page touches.
    #[inline]
    fn weight(&self, piece: Run) -> u32 {
        let g = self.granule.shift();
        // At most the granules of one page, which is far below 32 bits for every page size.
        ((piece.last >> g) - (piece.first >> g)) as u32 + 1
    }
}

impl Iterator for Stretches {
    type Item = Stretch;

    #[inline]
    fn next(&mut self) -> Option<Stretch> {
        let run = self.rest?;
        let (head, tail) = (self.page.pfn_of(run.first()), self.page.pfn_of(run.last()));

        if self.granule.shift() >= self.page.0 {
            self.rest = None;
            return Some(Stretch {
                pages: PageRange::new(head, tail)?,
                weight: 1,
            });
        }

        let full = 1u32 << (self.page.0 - self.granule.shift());
        let starts_inside = run.first() != self.page.first_byte(head);
        let ends_inside = run.last() != self.page.last_byte(tail);

        // Whole pages, as many as there are, or else the one page that is not whole.
        let last = match (starts_inside, ends_inside) {
            (true, _) => head,
            (false, true) if tail > head => Pfn(tail.0 - 1),
            (false, _) => tail,
        };
        let piece_last = self.page.last_byte(last).min(run.last());
        let weight = if last > head || (!starts_inside && piece_last == self.page.last_byte(last)) {
            full
        } else {
            self.weight(Run::closed(run.first(), piece_last)?)
        };
        self.rest = run.skip((piece_last.0 - run.first).wrapping_add(1));
        if piece_last == run.last() {
            self.rest = None;
        }
        Some(Stretch {
            pages: PageRange::new(head, last)?,
            weight,
        })
    }
}
