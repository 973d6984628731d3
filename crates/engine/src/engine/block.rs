// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Blocks: how a range of pages is the sum of few of them.

use super::{PageRange, Pfn, Section, Shape, Words};

/// A naturally aligned block of pages that has a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    first: u64,
    level: usize,
    order: u32,
}

impl Block {
    /// The block of a level that a page is in.
    #[inline(always)]
    pub(super) fn around(shape: Shape, pfn: Pfn, level: usize) -> Self {
        let order = shape.order(level);
        Self {
            first: pfn.0 >> order << order,
            level,
            order,
        }
    }

    /// A page by itself.
    #[inline]
    pub(super) fn of_page(pfn: Pfn) -> Self {
        Self {
            first: pfn.0,
            level: 0,
            order: 0,
        }
    }

    /// The block that some pages are all of, if there is one.
    #[inline(always)]
    pub(super) fn of_all(shape: Shape, pages: PageRange) -> Option<Self> {
        let first = pages.first().0;
        let differ = first ^ pages.last().0;
        let mut level = 0;
        while level < shape.levels() {
            let order = shape.order(level);
            if differ == (1 << order) - 1 {
                return (first & differ == 0).then_some(Self {
                    first,
                    level,
                    order,
                });
            }
            level += 1;
        }
        None
    }

    /// The level: 0 for a page.
    #[inline]
    pub(super) fn level(self) -> usize {
        self.level
    }

    /// The pages.
    #[inline]
    pub(super) fn pages(self) -> impl Iterator<Item = Pfn> {
        (self.first..=self.last().0).map(Pfn)
    }

    /// The blocks of the next smaller size that it is made of and that some pages are in.
    pub(super) fn parts(self, shape: Shape, first: Pfn, last: Pfn) -> impl Iterator<Item = Block> {
        let level = self.level.saturating_sub(1);
        let step = shape.order(level);
        let (first, last) = (first.max(self.first()), last.min(self.last()));
        (first.0 >> step..=last.0 >> step).map(move |index| Block {
            first: index << step,
            level,
            order: step,
        })
    }

    /// The first page.
    #[inline]
    pub(super) fn first(self) -> Pfn {
        Pfn(self.first)
    }

    /// The last page.
    #[inline]
    pub(super) fn last(self) -> Pfn {
        Pfn(self.first | ((1 << self.order) - 1))
    }

    /// Whether all of it is in the section. Blocks that are not have no word.
    #[inline(always)]
    pub(super) fn is_in<S: Section>(self, section: &S) -> bool {
        self.first() >= section.first() && self.last() <= section.last()
    }

    /// The word of a block that is in the section, or in the larger block.
    #[inline(always)]
    pub(super) fn cell<W: Words>(self, words: &W) -> &W::Cell {
        match self.level.checked_sub(1) {
            None => words.page(self.first()),
            // Not at the beginning, where buffers begin: whoever reads the word of a large block,
            // as every map and check does, is not to meet those who map that page over and over.
            Some(slot) => words.spare(Pfn(self.last().0 - slot as u64)),
        }
    }
}

/// Calls `visit` for the fewest blocks that make up a range of pages, in order.
///
/// A block is no longer than the range, so those of pages of a section are in the section.
#[inline]
pub(super) fn for_each_block(shape: Shape, pages: PageRange, mut visit: impl FnMut(Block)) {
    let (mut first, last) = (pages.first(), pages.last());
    loop {
        let block = largest(shape, first, last);
        visit(block);
        if block.last() >= last {
            return;
        }
        first = Pfn(block.last().0 + 1);
    }
}

/// The largest block that begins with one page and ends no later than another.
#[inline]
fn largest(shape: Shape, first: Pfn, last: Pfn) -> Block {
    let level = if first == last {
        0
    } else {
        // As large as the alignment of its beginning and the number of pages allow.
        let fits = (last.0 - first.0).saturating_add(1).ilog2();
        shape.level_within(first.0.trailing_zeros().min(fits))
    };
    Block::around(shape, first, level)
}
