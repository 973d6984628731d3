// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The check: may pages change hands?

use super::block::Block;
use super::cell::{self, Word};
use super::chain;
use super::marks;
use super::settle::{self, Settled};
use super::store::{for_each_section, Section, Store, Words};
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

/// Whether all words for the pages are zero, as they nearly always are.
///
/// Reads a few words of those of the largest block around the first page. Says no where it would
/// have to read more.
#[inline(always)]
pub(super) fn has_no_words<W: Words>(shape: Shape, around: &W, pages: PageRange) -> bool {
    let (first, last) = (pages.first(), pages.last());
    (first.0 ^ last.0) >> shape.order(shape.mark()) == 0
        && part_has_no_words(shape, around, first, last, shape.top())
}

/// Whether nothing is counted for the pages, which are in the section, whatever the words.
pub(super) fn is_clean<S: Section>(shape: Shape, section: &S, pages: PageRange) -> bool {
    let (mut first, last) = (pages.first(), pages.last());
    loop {
        let end = Block::around(shape, first, shape.mark()).last().min(last);
        let around = |level: &usize| Block::around(shape, first, *level);
        let top = (shape.mark()..shape.levels())
            .rev()
            .find(|level| around(level).is_in(section));
        let nothing = top.is_some_and(|top| part_has_no_words(shape, section, first, end, top));
        if !nothing && !look(shape, section, first, end) {
            return false;
        }
        if end >= last {
            return true;
        }
        first = Pfn(end.0 + 1);
    }
}

/// Whether all words for the pages, which are in one block that can have a mark, are zero. `top` is
/// the level of the largest block around them that has a word.
///
/// That is what nearly every check finds. If some are not, they may still cancel out; and of more
/// than one page in a block that has been touched nothing is said.
#[inline(always)]
fn part_has_no_words<W: Words>(shape: Shape, words: &W, first: Pfn, last: Pfn, top: usize) -> bool {
    let large = all_words(shape, words, first, shape.mark(), top + 1);
    if large.is_nothing() {
        return true;
    }
    first == last
        && all_words(shape, words, first, 0, shape.mark())
            .over(large)
            .is_zero()
}

/// The words of the blocks around a page, from one level up to below another, one over the other.
#[inline(always)]
fn all_words<W: Words>(shape: Shape, words: &W, pfn: Pfn, from: usize, to: usize) -> Word {
    let mut seen = Word(0);
    let mut level = from;
    // A loop that the compiler is sure to unroll.
    while level < to {
        seen = seen.over(cell::read(Block::around(shape, pfn, level).cell(words)));
        level += 1;
    }
    seen
}

/// Whether the sums of all pages are zero.
///
/// The pages are in one block that can have a mark. If they are all of it, the mark is put right.
#[cold]
fn look<S: Section>(shape: Shape, section: &S, first: Pfn, last: Pfn) -> bool {
    if first == last {
        return chain::sum(shape, section, first).has_none();
    }
    let block = Block::around(shape, first, shape.mark());
    let large = chain::above(shape, section, first, shape.mark());
    let cell = block.is_in(section).then(|| block.cell(section));
    if cell.is_some_and(|cell| !cell::read(cell).is_touched()) {
        return large.is_zero();
    }
    let cell = cell.filter(|_| first == block.first() && last == block.last());
    if let Some(cell) = cell {
        marks::take_off(cell);
    }
    let mut scan = Scan {
        shape,
        section,
        first,
        last,
        seen: Word(0),
    };
    let zero = scan.parts_of(block, large);
    if let Some(cell) = cell {
        if !zero || !scan.seen.is_zero() {
            marks::put_on(cell);
        }
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
                self.seen = self.seen.over(word);
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
