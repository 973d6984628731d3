// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Where something that is known of a whole run is kept, so that each of its pages leads there.
//!
//! Who has mapped a run is known once, and asked for a page at a time. It is kept once for every
//! block that the run is made of, and looked for in all blocks around the page.

use super::block::{for_each_block, Block};
use super::{PageRange, Pfn, Shape};

/// A block of pages, and the page that keeps what is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The page that keeps it; one of the block.
    pub keeper: Pfn,
    /// The size of the block, as a number: 0 for a single page. Blocks of several sizes can have
    /// the same keeper, so it has to be kept as well.
    pub level: u8,
}

impl Place {
    fn of(block: Block) -> Self {
        // The block of level n by its page n - 1, so that no two blocks want the same.
        let slot = block.level().saturating_sub(1);
        Self {
            keeper: Pfn(block.first().0 + slot as u64),
            // CAST: There is a handful of levels.
            level: block.level() as u8,
        }
    }

    /// Calls `visit` for the places of a run: the fewest that lead to each of its pages.
    pub fn for_each(shape: Shape, pages: PageRange, mut visit: impl FnMut(Place)) {
        for_each_block(shape, pages, |block| visit(Self::of(block)));
    }

    /// All places that can lead to a page, the page's own first.
    pub fn around(shape: Shape, pfn: Pfn) -> impl Iterator<Item = Place> {
        (0..shape.levels()).map(move |level| Self::of(Block::around(shape, pfn, level)))
    }
}
