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
        chain::sum(shape, section, first).is_zero()
    } else {
        large.is_zero() && look(shape, section, first, last, mark)
    }
}

/// Whether the words of all pages, and of the small blocks around them, are zero.
///
/// The pages are in one block that can have a mark. If they are all of it, the mark is put right.
#[cold]
fn look<S: Section>(
    shape: Shape,
    section: &S,
    first: Pfn,
    last: Pfn,
    mark: Option<Mark<'_, S::Cell>>,
) -> bool {
    let mark = mark.filter(|mark| first == mark.block().first() && last == mark.block().last());
    if let Some(mark) = &mark {
        mark.look();
    }
    let zero = (0..shape.mark()).all(|level| is_zero(shape, section, first, last, level));
    if let Some(mark) = &mark {
        mark.seen(zero);
    }
    zero
}

/// Whether the words of the blocks of one level that the pages are in are zero.
#[inline]
fn is_zero<S: Section>(shape: Shape, section: &S, first: Pfn, last: Pfn, level: usize) -> bool {
    let mut block = Block::around(shape, first, level);
    let mut any = Word(0);
    loop {
        if block.is_in(section) {
            any = Word(any.0 | cell::read(block.cell(section)).0);
        }
        if block.last() >= last {
            return any.is_zero();
        }
        block = Block::around(shape, Pfn(block.last().0 + 1), level);
    }
}

/// Looks at every page.
#[cold]
pub(super) fn judge<S: Store>(store: &S, pages: PageRange) -> Verdict {
    let mut mapped = Spans::new();
    let mut negative = false;
    for_each_section(store, pages, |section, pages| {
        for pfn in (pages.first().0..=pages.last().0).map(Pfn) {
            if let Some(translations) = settle::report(S::SHAPE, section, pfn) {
                mapped.push(pfn, translations);
            } else {
                negative |= chain::sum(S::SHAPE, section, pfn).missing() > 0;
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
