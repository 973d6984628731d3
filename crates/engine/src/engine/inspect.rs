// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The check: may pages change hands?

use super::block::Block;
use super::cell::{self, Word};
use super::chain;
use super::marks::Mark;
use super::settle::{self, Settled};
use super::store::{for_each_section, Section, Store};
use super::{PageRange, Shape, Spans};

/// The answer to whether pages may change hands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "the engine cannot allocate, and the large ones are the rare ones"
)]
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
/// Reads a word or two in the common case. May say no of pages that have no translations.
#[inline]
pub(super) fn is_clean<S: Section>(shape: Shape, section: &S, pages: PageRange) -> bool {
    let mut rest = Some(pages);
    while let Some(pages) = rest {
        let around = Block::around(shape, pages.first(), shape.mark());
        let Some(part) = pages.up_to(around.last()) else {
            return false;
        };
        let large = chain::above(shape, section, pages.first(), shape.mark());
        let mark = Mark::around(shape, section, pages.first());
        let clean = if mark.as_ref().is_some_and(Mark::is_clean) {
            large.is_zero()
        } else if part.first() == part.last() {
            chain::sum(shape, section, part.first()).is_zero()
        } else {
            large.is_zero() && look(shape, section, part, mark)
        };
        if !clean {
            return false;
        }
        rest = pages.after(around.last());
    }
    true
}

/// Whether the words of all pages, and of the small blocks around them, are zero.
///
/// The pages are in one block that can have a mark. If they are all of it, the mark is put right.
#[cold]
fn look<S: Section>(
    shape: Shape,
    section: &S,
    pages: PageRange,
    mark: Option<Mark<'_, S::Cell>>,
) -> bool {
    let mark = mark.filter(|mark| {
        pages.first() == mark.block().first() && pages.last() == mark.block().last()
    });
    if let Some(mark) = &mark {
        mark.look();
    }
    let zero = (0..shape.mark()).all(|level| is_zero(shape, section, pages, level));
    if let Some(mark) = &mark {
        mark.seen(zero);
    }
    zero
}

/// Whether the words of the blocks of one level that the pages are in are zero.
#[inline]
fn is_zero<S: Section>(shape: Shape, section: &S, pages: PageRange, level: usize) -> bool {
    let mut rest = Some(pages);
    let mut any = Word(0);
    while let Some(pages) = rest {
        let block = Block::around(shape, pages.first(), level);
        if block.is_in(section) {
            any = Word(any.0 | cell::read(block.cell(section)).0);
        }
        rest = pages.after(block.last());
    }
    any.is_zero()
}

/// Looks at every page.
#[cold]
pub(super) fn judge<S: Store>(store: &S, pages: PageRange) -> Verdict {
    let mut mapped = Spans::new();
    let mut negative = false;
    for_each_section(store, pages, |section, pages| {
        for pfn in (pages.first().0..=pages.last().0).map(super::Pfn) {
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
        for pfn in (pages.first().0..=pages.last().0).map(super::Pfn) {
            if let (Settled::Underflow { missing }, _) = settle::page(S::SHAPE, section, pfn) {
                underflow.push(pfn, missing);
            }
        }
    });
    underflow
}
