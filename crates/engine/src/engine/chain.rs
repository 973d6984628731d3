// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The count of a page: the sum of its word and those of the blocks around it.
//!
//! A map adds to the blocks that its run is made of, an unmap takes away from the blocks that
//! *its* run is made of, and the two need not be the same: a page that is taken out of a block of
//! 2M has -1 in its own word and +1 in that of the block, which is zero. So nothing is ever moved
//! from one word to another, and operations on other pages never touch the sum of this one.
//!
//! Words are read one after another. If no map or unmap of the page is running, none of them
//! changes in a way that matters and the sum is exact. Otherwise it may be the sum of words from
//! different moments, too large or too small; see [`steady_sum`] for where that matters.

use super::block::Block;
use super::cell::{self, Word};
use super::{Pfn, Section, Shape};

/// Readings that must agree before a page is believed to have nothing, or less.
const AGREEING: u32 = 4;
/// Readings that are tried.
const TRIES: u32 = 32;

/// What is known about the translations of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count(pub(super) Word);

impl Count {
    /// Live translations. Zero if they are not known: that must not raise an alarm.
    #[inline]
    pub fn translations(self) -> u32 {
        if self.is_saturated() {
            0
        } else {
            u32::try_from(self.0.signed()).unwrap_or(0)
        }
    }

    /// Translations that have been taken away and were never there, and not told of yet.
    #[inline]
    pub fn missing(self) -> u32 {
        if self.is_saturated() || !self.0.is_negative() {
            0
        } else {
            self.0.signed().unsigned_abs()
        }
    }

    /// Whether there is neither one nor one too few.
    #[inline]
    pub(super) fn has_none(self) -> bool {
        self.0.is_zero()
    }

    /// Whether there were too many translations to count.
    #[inline]
    pub fn is_saturated(self) -> bool {
        self.0.is_saturated()
    }

    /// Whether the present translations have been reported.
    #[inline]
    pub fn is_reported(self) -> bool {
        self.0.is_reported()
    }
}

/// The sum for a page of the section, with the flags of the page.
#[inline]
pub(super) fn sum<S: Section>(shape: Shape, section: &S, pfn: Pfn) -> Count {
    let own = cell::read(section.page(pfn));
    Count(own.plus(above(shape, section, pfn, 1)))
}

/// The sum of the words of the blocks around a page, from a level on.
#[inline]
pub(super) fn above<S: Section>(shape: Shape, section: &S, pfn: Pfn, from: usize) -> Word {
    let mut sum = Word(0);
    let mut level = from;
    while level < shape.levels() {
        let block = Block::around(shape, pfn, level);
        if block.is_in(section) {
            sum = sum.plus(cell::read(block.cell(section)));
        }
        level += 1;
    }
    sum
}

/// The sum for a page about which something is to be done, with its own word as it was read for it.
///
/// That is a page with less than nothing, or one that has been reported and has nothing left.
/// Several equal readings are asked for before such a sum is believed, as a sum of words from
/// different moments can be too small while the page is mapped by others: to be deceived, as many
/// pairs of maps and unmaps of the same page, in blocks of different sizes, would have to fall each
/// between the same two loads. Returns `None` if the readings do not agree.
pub(super) fn steady_sum<S: Section>(shape: Shape, section: &S, pfn: Pfn) -> Option<(Word, Count)> {
    // In this order: a page that leaves a block by itself has been mapped with it before.
    let read = || {
        let own = cell::read_first(section.page(pfn));
        let sum = (1..shape.levels())
            .map(|level| Block::around(shape, pfn, level))
            .filter(|block| block.is_in(section))
            .map(|block| cell::read_first(block.cell(section)))
            .fold(own, Word::plus);
        (own, Count(sum))
    };
    let harmless = |count: Count| match count.0.signed() {
        0 => !count.is_reported(),
        sum => sum > 0,
    };
    let mut last = read();
    let mut agreeing = 1;
    for _ in 0..TRIES {
        if agreeing == AGREEING || harmless(last.1) {
            return Some(last);
        }
        let next = read();
        agreeing = if next == last { agreeing + 1 } else { 1 };
        last = next;
    }
    None
}
