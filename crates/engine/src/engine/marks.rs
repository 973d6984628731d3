// SPDX-License-Identifier: Apache-2.0 OR MIT

//! One word per block that says "nothing below has been mapped", so that most checks read no more.
//!
//! | mark | meaning |
//! |---|---|
//! | clean | no block below has grown, or become negative, since all were seen to be zero |
//! | touched | some may have |
//! | looking | somebody is looking whether all of them are zero |
//!
//! Whoever adds to a block says so *afterwards*, and whoever looks says so *before*: either the
//! one who looks sees what was added, or the one who adds sees that somebody looks and turns the
//! mark back to touched, after which it cannot become clean.

use super::block::Block;
use super::cell::{self, Cell, Word};
use super::{Pfn, Section, Shape};

const CLEAN: Word = Word(0);
const TOUCHED: Word = Word(1);
const LOOKING: Word = Word(2);

/// Says that the word of a page, or of a small block around it, has grown or become negative.
#[inline]
pub(super) fn touch<S: Section>(shape: Shape, section: &S, pfn: Pfn) {
    if let Some(mark) = Mark::around(shape, section, pfn) {
        mark.touch();
    }
}

/// The mark of the block that a page is in.
#[derive(Debug)]
pub(super) struct Mark<'a, C> {
    cell: &'a C,
    block: Block,
}

impl<'a, C: Cell> Mark<'a, C> {
    /// `None` if the section is too small to have one.
    #[inline]
    pub(super) fn around<S: Section<Cell = C>>(
        shape: Shape,
        section: &'a S,
        pfn: Pfn,
    ) -> Option<Self> {
        let block = Block::around(shape, pfn, shape.mark());
        let slot = (shape.levels() - 1) as u64;
        block.is_in(section).then(|| Self {
            cell: section.spare(Pfn(block.first().0 + slot)),
            block,
        })
    }

    /// The block.
    #[inline]
    pub(super) fn block(&self) -> Block {
        self.block
    }

    /// Whether everything below is zero.
    #[inline]
    pub(super) fn is_clean(&self) -> bool {
        cell::read(self.cell) == CLEAN
    }

    #[inline]
    fn touch(&self) {
        if cell::read(self.cell) != TOUCHED {
            self.turn(|_| Some(TOUCHED));
        }
    }

    /// Says that the caller is about to look at all that is below.
    pub(super) fn look(&self) {
        self.turn(|mark| (mark == TOUCHED).then_some(LOOKING));
    }

    /// Says what was seen. Stays touched if something has been added meanwhile.
    pub(super) fn seen(&self, all_zero: bool) {
        let mark = if all_zero { CLEAN } else { TOUCHED };
        self.turn(|seen| (seen == LOOKING).then_some(mark));
    }

    #[cold]
    fn turn(&self, to: impl FnMut(Word) -> Option<Word>) {
        cell::change(self.cell, to);
    }
}
