// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The operations: map, unmap, the end of a domain, and the check at alloc and free.

use super::cell::{self, Cell as _, Taken};
use super::store::{for_each_cell, Store};
use super::{Count, Granule, PageRange, Pfn, Run, Spans};

/// The counts of a store, and everything that may be done with them.
///
/// Every operation is lock-free and allocates nothing, so that all of them may run in any
/// context, interrupts included. None of them fails: what is wrong is a finding, for the caller
/// to report.
#[derive(Debug)]
pub struct Ledger<'s, S> {
    store: &'s S,
}

/// The answer to whether pages may change hands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "the engine cannot allocate, and the large one is the rare one"
)]
pub enum Verdict {
    /// No device reaches them, or it has been reported already that one does.
    Clean,
    /// Devices still reach these of the pages. Said once: whoever asks next is told `Clean`, until
    /// the translations of a page are all gone and new ones have come.
    Mapped(Spans),
}

impl<'s, S: Store> Ledger<'s, S> {
    /// The ledger that is kept in `store`.
    #[inline]
    pub fn new(store: &'s S) -> Self {
        Self { store }
    }

    /// Counts the translations of a map that is about to be made.
    ///
    /// Called before a device can use any of them. Returns the pages whose cells saturated: they
    /// are not counted any more, and never reported.
    #[inline]
    pub fn map_begin(&self, run: Run, granule: Granule) -> Spans {
        let mut saturated = Spans::new();
        for stretch in run.stretches(self.store.page_shift(), granule) {
            for_each_cell(self.store, stretch.pages, |pfn, cell| {
                if !cell::add(cell, stretch.weight) {
                    saturated.push(pfn, 0);
                }
            });
        }
        saturated
    }

    /// Takes back what [`Ledger::map_begin`] counted and the driver did not map.
    ///
    /// `mapped` is the length in bytes of what is mapped now, from the beginning of the run; the
    /// whole run if the map succeeded. A driver that says nonsense (part of a granule) is taken
    /// to have mapped the granule: too much counted for a moment is undone by the unmap of it,
    /// and too little would be an underflow.
    #[inline]
    pub fn map_end(&self, run: Run, mapped: u64, granule: Granule) -> Spans {
        match run.skip(granule.round_up(mapped)) {
            Some(rest) => self.unmap(rest, granule),
            None => Spans::new(),
        }
    }

    /// Uncounts translations that are gone.
    ///
    /// Called once no new access can be translated. Returns the pages that had fewer translations
    /// than were taken away; their counts are zero now.
    #[inline]
    pub fn unmap(&self, run: Run, granule: Granule) -> Spans {
        let mut underflow = Spans::new();
        self.take(run, granule, |pfn, _, taken| {
            if let Taken::Underflow { missing } = taken {
                underflow.push(pfn, missing);
            }
        });
        underflow
    }

    /// Uncounts translations that are still live when their domain ends, and adds them to `leaks`.
    ///
    /// Left out of `leaks`: pages that have been reported at their free (the same bug), those whose
    /// count does not cover the translations (they were made while the page had no cell), and
    /// those for which `is_leak` says no.
    #[inline]
    pub fn release(
        &self,
        run: Run,
        granule: Granule,
        leaks: &mut Spans,
        mut is_leak: impl FnMut(Pfn) -> bool,
    ) {
        self.take(run, granule, |pfn, weight, taken| {
            if let Taken::Exact { reported: false } = taken {
                if is_leak(pfn) {
                    leaks.push(pfn, weight);
                }
            }
        });
    }

    /// Whether pages may change hands: the check at their allocation and at their free.
    #[inline]
    pub fn check(&self, pages: PageRange) -> Verdict {
        let mut any = 0;
        // The common case is one load per page and nothing else.
        for_each_cell(self.store, pages, |_, cell| any |= cell.load());
        if any == 0 {
            Verdict::Clean
        } else {
            self.report(pages)
        }
    }

    #[cold]
    fn report(&self, pages: PageRange) -> Verdict {
        let mut mapped = Spans::new();
        for_each_cell(self.store, pages, |pfn, cell| {
            if let Some(translations) = cell::report(cell) {
                mapped.push(pfn, translations);
            }
        });
        if mapped.is_empty() {
            Verdict::Clean
        } else {
            Verdict::Mapped(mapped)
        }
    }

    /// The count of one page. `None` if it has no cell.
    pub fn count(&self, pfn: Pfn) -> Option<Count> {
        let mut count = None;
        for_each_cell(self.store, PageRange::from_count(pfn, 1)?, |_, cell| {
            count = Some(cell::read(cell));
        });
        count
    }

    #[inline]
    fn take(&self, run: Run, granule: Granule, mut found: impl FnMut(Pfn, u32, Taken)) {
        for stretch in run.stretches(self.store.page_shift(), granule) {
            for_each_cell(self.store, stretch.pages, |pfn, cell| {
                found(pfn, stretch.weight, cell::take(cell, stretch.weight));
            });
        }
    }
}
