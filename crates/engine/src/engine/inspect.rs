// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The check: may pages change hands?

use super::block::Block;
use super::cell::{self, Word};
use super::chain;
use super::marks::Mark;
use super::settle::{self, Settled};
use super::store::{for_each_section, Section, Store};
use super::{PageRange, Pfn, Shape, Spans};

/// The answer to whether pages may change hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No device reaches them, or it has been reported already that one does.
    Clean,
    /// Devices still reach these of the pages. Said once: whoever asks next is told `Clean`, until
    /// the translations of a page are all gone and new ones have come.
    Mapped(Spans),
    /// No device reaches them, and of these more was unmapped than had been mapped, which the
    /// unmap could not see. Their counts are zero now.
    Underflow(Spans),
}

/// Whether nothing at all is counted for the pages, which are all in the section.
///
/// Reads a few words in the common case. May say no of pages that have no translations.
#[inline(always)]
pub(super) fn is_clean<S: Section>(shape: Shape, section: &S, pages: PageRange) -> bool {
    let (mut first, last) = (pages.first(), pages.last());
    loop {
        let end = Block::around(shape, first, shape.mark()).last().min(last);
        if !is_part_clean(shape, section, first, end) {
            return false;
        }
        if end >= last {
            return true;
        }
        first = Pfn(end.0 + 1);
    }
}

/// The same for pages that are all in one block that can have a mark.
#[inline(always)]
fn is_part_clean<S: Section>(shape: Shape, section: &S, first: Pfn, last: Pfn) -> bool {
    let large = chain::above(shape, section, first, shape.mark());
    let mark = Mark::around(shape, section, first);
    if mark.as_ref().is_some_and(Mark::is_clean) {
        large.is_zero()
    } else if first == last {
        let own = cell::read(section.page(first));
        let small = chain::between(shape, section, first, 1, shape.mark());
        own.plus(small).plus(large).is_zero()
    } else {
        look(shape, section, first, last, large, mark)
    }
}

/// Whether the sums of all pages are zero, given the sum of the words of the large blocks.
///
/// The pages are in one block that can have a mark. If they are all of it, the mark is put right.
#[cold]
fn look<S: Section>(
    shape: Shape,
    section: &S,
    first: Pfn,
    last: Pfn,
    large: Word,
    mark: Option<Mark<'_, S::Cell>>,
) -> bool {
    let mark = mark.filter(|mark| first == mark.block().first() && last == mark.block().last());
    if let Some(mark) = &mark {
        mark.look();
    }
    let mut scan = Scan {
        shape,
        section,
        first,
        last,
        seen: Word(0),
    };
    let zero = scan.parts_of(Block::around(shape, first, shape.mark()), large);
    if let Some(mark) = &mark {
        mark.seen(zero && scan.seen.is_zero());
    }
    zero
}

/// A look at the words of blocks of falling size, each of them once.
struct Scan<'s, S> {
    shape: Shape,
    section: &'s S,
    first: Pfn,
    last: Pfn,
    /// All words that were read, one over the other.
    seen: Word,
}

impl<S: Section> Scan<'_, S> {
    /// Whether the sums of the pages in a block are zero, given the sum down to the block's word.
    fn parts_of(&mut self, block: Block, above: Word) -> bool {
        block.parts(self.shape, self.first, self.last).all(|part| {
            let mut sum = above;
            if part.is_in(self.section) {
                let word = cell::read(part.cell(self.section));
                self.seen = Word(self.seen.0 | word.0);
                sum = sum.plus(word);
            }
            if part.level() == 0 {
                sum.is_zero()
            } else {
                self.parts_of(part, sum)
            }
        })
    }
}

/// Looks at every page.
#[cold]
pub(super) fn judge<S: Store>(store: &S, pages: PageRange) -> Verdict {
    let mut mapped = Spans::new();
    let mut negative = false;
    for_each_section(store, pages, |section, pages| {
        for pfn in (pages.first().0..=pages.last().0).map(Pfn) {
            let count = chain::sum(S::SHAPE, section, pfn);
            negative |= count.missing() > 0;
            if count.translations() > 0 && !count.is_reported() {
                if let Some(translations) = settle::report(S::SHAPE, section, pfn) {
                    mapped.push(pfn, translations);
                }
            }
        }
    });
    if !mapped.is_empty() {
        return Verdict::Mapped(mapped);
    }
    if negative {
        let missing = repair(store, pages);
        if !missing.is_empty() {
            return Verdict::Underflow(missing);
        }
    }
    Verdict::Clean
}

/// Puts counts below zero back to zero.
fn repair<S: Store>(store: &S, pages: PageRange) -> Spans {
    let mut underflow = Spans::new();
    for_each_section(store, pages, |section, pages| {
        for pfn in (pages.first().0..=pages.last().0).map(Pfn) {
            if let (Settled::Underflow { missing }, _) = settle::page(S::SHAPE, section, pfn) {
                underflow.push(pfn, missing);
            }
        }
    });
    underflow
}
