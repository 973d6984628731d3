// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The operations: map, unmap, the end of a domain, and the check at alloc and free.

use super::block::{for_each_block, Block};
use super::cell::{self, Word};
use super::census;
use super::chain::{self, Count};
use super::marks;
use super::settle::{self, Settled};
use super::store::{all_sections, for_each_section, Section, Store, Words};
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
        self.for_each_block(run, granule, &mut Map { saturated });
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
        self.for_each_block(run, granule, &mut Unmap { underflow });
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
        is_leak: impl FnMut(Pfn) -> bool,
    ) {
        self.for_each_block(run, granule, &mut Release { leaks, is_leak });
    }

    /// Whether pages may change hands: the check at their allocation and at their free.
    ///
    /// To be called by whoever has the pages for himself, as the page allocator has.
    #[inline]
    pub fn check(&self, pages: PageRange) -> Verdict {
        if self.looks_clean(pages) || self.has_no_counts(pages) {
            Verdict::Clean
        } else {
            inspect::judge(self.store, pages)
        }
    }

    /// Whether a glance shows that the check has nothing to say, for callers that are in a hurry.
    ///
    /// If not, it may still have nothing to say, and is to be made.
    #[inline(always)]
    pub fn looks_clean(&self, pages: PageRange) -> bool {
        self.store
            .around(pages.first())
            .is_some_and(|around| inspect::has_no_words(S::SHAPE, &around, pages))
    }

    #[inline(never)]
    fn has_no_counts(&self, pages: PageRange) -> bool {
        all_sections(self.store, pages, |section, pages| {
            inspect::is_clean(S::SHAPE, section, pages)
        })
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

    /// Does something to the blocks that a run is made of, given how many translations of it each
    /// of their pages has.
    ///
    /// Most runs are one block, and most of those a page: nothing is to be found out for them.
    #[inline(always)]
    fn for_each_block(&self, run: Run, granule: Granule, step: &mut impl Step) {
        let Some(Stretch { pages, weight }) = run.even(self.store.page_shift(), granule) else {
            return for_each_of_uneven(self.store, run, granule, step);
        };
        let first = pages.first();
        if let Some(around) = self.store.around(first) {
            if first == pages.last() {
                return step.go(self.store, &around, true, Block::of_page(first), weight);
            }
            if let Some(block) = Block::of_all(S::SHAPE, pages) {
                return step.go(self.store, &around, true, block, weight);
            }
        }
        for_each_of_many(self.store, Stretch { pages, weight }, step);
    }
}

// These have the store itself, so that it need not be put into memory with a ledger around it for
// what is rarely called.

#[cold]
fn for_each_of_uneven<S: Store>(store: &S, run: Run, granule: Granule, step: &mut impl Step) {
    for stretch in run.stretches(store.page_shift(), granule) {
        for_each_of_many(store, stretch, step);
    }
}

#[inline(never)]
fn for_each_of_many<S: Store>(store: &S, stretch: Stretch, step: &mut impl Step) {
    let Stretch { pages, weight } = stretch;
    let mut rest = Some(pages);
    while let Some(pages) = rest {
        let end = Block::around(S::SHAPE, pages.first(), S::SHAPE.top()).last();
        let end = match (store.around(pages.first()), pages.up_to(end)) {
            (Some(around), Some(part)) => {
                for_each_block(S::SHAPE, part, |block| {
                    step.go(store, &around, true, block, weight);
                });
                end
            }
            _ => for_each_in_section(store, pages, weight, step),
        };
        rest = pages.after(end);
    }
}

/// The same where a section ends within a block of the largest size, and where there is none.
/// Returns the last page that has been dealt with.
#[cold]
fn for_each_in_section<S: Store>(
    store: &S,
    pages: PageRange,
    weight: u32,
    step: &mut impl Step,
) -> Pfn {
    let end = match store.section(pages.first()) {
        Ok(section) => {
            let end = section.last();
            if let Some(part) = pages.up_to(end) {
                for_each_block(S::SHAPE, part, |block| {
                    let marked = Block::around(S::SHAPE, block.first(), S::SHAPE.mark());
                    let has_mark = marked.is_in(&section);
                    step.go(store, &section, has_mark, block, weight);
                });
            }
            end
        }
        Err(hole) => hole.last,
    };
    // A store that breaks its word must not hang the kernel.
    end.max(pages.first())
}

/// What an operation does to each block.
trait Step {
    /// To a block whose word is among those at hand, and so is that of the block with the mark
    /// around it, if it has one. Each page has `weight` of the translations.
    fn go<S: Store, W: Words<Cell = S::Cell>>(
        &mut self,
        store: &S,
        words: &W,
        has_mark: bool,
        block: Block,
        weight: u32,
    );
}

struct Map<'f> {
    saturated: &'f mut Findings,
}

impl Step for Map<'_> {
    #[inline(always)]
    fn go<S: Store, W: Words<Cell = S::Cell>>(
        &mut self,
        store: &S,
        words: &W,
        has_mark: bool,
        block: Block,
        weight: u32,
    ) {
        let old = cell::add(block.cell(words), weight);
        if has_mark && block.level() < S::SHAPE.mark() {
            let marked = Block::around(S::SHAPE, block.first(), S::SHAPE.mark());
            marks::put_on(marked.cell(words));
        }
        if overflow::is_due(old, weight) {
            look_for_overflow(store, block.first(), block.level(), self.saturated);
        }
    }
}

struct Unmap<'f> {
    underflow: &'f mut Findings,
}

impl Step for Unmap<'_> {
    #[inline(always)]
    fn go<S: Store, W: Words<Cell = S::Cell>>(
        &mut self,
        store: &S,
        words: &W,
        _: bool,
        block: Block,
        weight: u32,
    ) {
        let old = cell::take(block.cell(words), weight);
        if old.is_reported() || old.minus(Word::of(weight)).is_negative() {
            settle_block(store, block.first(), block.level(), old, self.underflow);
        }
    }
}

struct Release<'f, F> {
    leaks: &'f mut Findings,
    is_leak: F,
}

impl<F: FnMut(Pfn) -> bool> Step for Release<'_, F> {
    fn go<S: Store, W: Words<Cell = S::Cell>>(
        &mut self,
        store: &S,
        words: &W,
        _: bool,
        block: Block,
        weight: u32,
    ) {
        cell::take(block.cell(words), weight);
        if let Ok(section) = store.section(block.first()) {
            settle::block(S::SHAPE, &section, block, |pfn, settled| {
                if settled == (Settled::Exact { reported: false }) && (self.is_leak)(pfn) {
                    self.leaks.push(pfn, weight);
                }
            });
        }
    }
}

// What follows is rare, and looks the section up again: those for which it is not done need not
// have the section in memory for it.

#[cold]
#[inline(never)]
fn look_for_overflow<S: Store>(store: &S, first: Pfn, level: usize, saturated: &mut Findings) {
    if let Ok(section) = store.section(first) {
        let block = Block::around(S::SHAPE, first, level);
        overflow::look(S::SHAPE, &section, block, saturated);
    }
}

#[cold]
#[inline(never)]
fn settle_block<S: Store>(
    store: &S,
    first: Pfn,
    level: usize,
    old: Word,
    underflow: &mut Findings,
) {
    let Ok(section) = store.section(first) else {
        return;
    };
    let block = Block::around(S::SHAPE, first, level);
    if old.is_reported() {
        settle::block(S::SHAPE, &section, block, |pfn, settled| {
            if let Settled::Underflow { missing } = settled {
                underflow.push(pfn, missing);
            }
        });
    } else {
        settle::negative(S::SHAPE, &section, block, underflow);
    }
}
