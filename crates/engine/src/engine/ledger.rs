// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The operations: map, unmap, the end of a domain, and the check at alloc and free.

use super::block::{for_each_block, Block};
use super::cell::{self, Word};
use super::census;
use super::chain::{self, Count};
use super::marks;
use super::settle::{self, Settled};
use super::store::{all_sections, for_each_section, Store};
use super::{inspect, overflow, Findings, Granule, PageRange, Pfn, Run, Stretch, Verdict};

/// The counts of a store, and everything that may be done with them.
///
/// Every operation is lock-free and allocates nothing, so that all of them may run in any
/// context, interrupts included. None of them fails: what is wrong is a finding, for the caller
/// to report.
#[derive(Debug)]
pub struct Ledger<'s, S> {
    store: &'s S,
}

impl<'s, S: Store> Ledger<'s, S> {
    /// The ledger that is kept in `store`.
    #[inline]
    pub fn new(store: &'s S) -> Self {
        Self { store }
    }

    /// Counts the translations of a map that is about to be made.
    ///
    /// Called before a device can use any of them. Pages that become saturated are added to
    /// `saturated`: they are not counted any more, and never reported.
    #[inline]
    pub fn map_begin(&self, run: Run, granule: Granule, saturated: &mut Findings) {
        self.for_each_block(run, granule, |section, block, weight| {
            let old = cell::add(block.cell(section), weight);
            if block.level() < S::SHAPE.mark() {
                marks::touch(S::SHAPE, section, block.first());
            }
            if overflow::is_due(old, weight) {
                overflow::look(S::SHAPE, section, block, saturated);
            }
        });
    }

    /// Takes back what [`Ledger::map_begin`] counted and the driver did not map.
    ///
    /// `mapped` is the length in bytes of what is mapped now, from the beginning of the run; the
    /// whole run if the map succeeded. A driver that says nonsense (part of a granule) is taken
    /// to have mapped the granule: too much counted for a moment is undone by the unmap of it,
    /// and too little would be an underflow.
    #[inline]
    pub fn map_end(&self, run: Run, mapped: u64, granule: Granule, underflow: &mut Findings) {
        if let Some(rest) = run.skip(granule.round_up(mapped)) {
            self.unmap(rest, granule, underflow);
        }
    }

    /// Uncounts translations that are gone.
    ///
    /// Called once no new access can be translated. Pages that had fewer translations than were
    /// taken away are added to `underflow`; their counts are zero now. Where a page had been
    /// mapped and unmapped in blocks of different sizes before, it may be left to the next check
    /// to find that out.
    #[inline]
    pub fn unmap(&self, run: Run, granule: Granule, underflow: &mut Findings) {
        self.for_each_block(run, granule, |section, block, weight| {
            let old = cell::take(block.cell(section), weight);
            if old.is_reported() {
                settle::block(S::SHAPE, section, block, |pfn, settled| {
                    if let Settled::Underflow { missing } = settled {
                        underflow.push(pfn, missing);
                    }
                });
            } else if old.minus(Word::of(weight)).is_negative() {
                settle::negative(S::SHAPE, section, block, underflow);
            }
        });
    }

    /// Uncounts translations that are still live when their domain ends, and adds them to `leaks`.
    ///
    /// Left out of `leaks`: pages that have been reported at their free (the same bug), those whose
    /// count does not cover the translations (they were made while the page had no words), and
    /// those for which `is_leak` says no.
    #[inline]
    pub fn release(
        &self,
        run: Run,
        granule: Granule,
        leaks: &mut Findings,
        mut is_leak: impl FnMut(Pfn) -> bool,
    ) {
        self.for_each_block(run, granule, |section, block, weight| {
            cell::take(block.cell(section), weight);
            settle::block(S::SHAPE, section, block, |pfn, settled| {
                if settled == (Settled::Exact { reported: false }) && is_leak(pfn) {
                    leaks.push(pfn, weight);
                }
            });
        });
    }

    /// Whether pages may change hands: the check at their allocation and at their free.
    ///
    /// To be called by whoever has the pages for himself, as the page allocator has.
    #[inline]
    pub fn check(&self, pages: PageRange) -> Verdict {
        let clean = all_sections(self.store, pages, |section, pages| {
            inspect::is_clean(S::SHAPE, section, pages)
        });
        if clean {
            Verdict::Clean
        } else {
            inspect::judge(self.store, pages)
        }
    }

    /// The count of one page. `None` if it has no words.
    pub fn count(&self, pfn: Pfn) -> Option<Count> {
        let mut count = None;
        for_each_section(self.store, PageRange::from_count(pfn, 1)?, |section, _| {
            count = Some(chain::sum(S::SHAPE, section, pfn));
        });
        count
    }

    /// Calls `visit` for the pages that have translations, in order, and changes nothing.
    ///
    /// Where maps and unmaps are under way, a page that is not mapped can be among them, and one
    /// that is can be missing.
    pub fn for_each_mapped(&self, pages: PageRange, visit: impl FnMut(Pfn, Count)) {
        census::for_each_mapped(self.store, pages, visit);
    }

    /// Cuts a run into blocks, and says how many translations of it each of their pages has.
    #[inline]
    fn for_each_block(
        &self,
        run: Run,
        granule: Granule,
        mut visit: impl FnMut(&S::Section<'s>, Block, u32),
    ) {
        match run.even(self.store.page_shift(), granule) {
            Some(stretch) => self.for_each_block_of(stretch, &mut visit),
            None => self.for_each_block_of_uneven(run, granule, &mut visit),
        }
    }

    #[cold]
    fn for_each_block_of_uneven(
        &self,
        run: Run,
        granule: Granule,
        visit: &mut impl FnMut(&S::Section<'s>, Block, u32),
    ) {
        for stretch in run.stretches(self.store.page_shift(), granule) {
            self.for_each_block_of(stretch, visit);
        }
    }

    #[inline]
    fn for_each_block_of(
        &self,
        stretch: Stretch,
        visit: &mut impl FnMut(&S::Section<'s>, Block, u32),
    ) {
        for_each_section(self.store, stretch.pages, |section, pages| {
            for_each_block(S::SHAPE, pages, |block| {
                visit(section, block, stretch.weight)
            });
        });
    }
}
