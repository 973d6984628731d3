// SPDX-License-Identifier: Apache-2.0 OR MIT

//! A mark on the word of a block that says "something below may be mapped", without which a check
//! reads no more.
//!
//! Whoever adds to a word below looks for the mark *afterwards* and puts it on if it is not there.
//! Whoever has all of the block, and so can see to it that nobody else needs the mark meanwhile,
//! takes it off *before* looking at the words below, and puts it on again if they are not all zero.
//! So either the one who looks sees what was added, or the one who adds sees that the mark is off.

use super::block::Block;
use super::cell::{self, Cell};
use super::{Pfn, Section, Shape};

/// Says that the word of a page, or of a small block around it, has grown or become negative.
pub(super) fn touch<S: Section>(shape: Shape, section: &S, pfn: Pfn) {
    if let Some(cell) = of(shape, section, pfn) {
        put_on(cell);
    }
}

/// The word with the mark of the block that a page is in. `None` if the section is too small.
pub(super) fn of<S: Section>(shape: Shape, section: &S, pfn: Pfn) -> Option<&S::Cell> {
    let block = Block::around(shape, pfn, shape.mark());
    block.is_in(section).then(|| block.cell(section))
}

/// Says so in the word with the mark.
#[inline(always)]
pub(super) fn put_on<C: Cell>(cell: &C) {
    if !cell::read(cell).is_touched() {
        change(cell, true);
    }
}

/// Says that nothing below is mapped, before the caller looks whether that is true.
pub(super) fn take_off<C: Cell>(cell: &C) {
    change(cell, false);
}

#[cold]
#[inline(never)]
fn change<C: Cell>(cell: &C, touched: bool) {
    cell::change(cell, |word| {
        let new = if touched {
            word.touched()
        } else {
            word.not_touched()
        };
        (new != word).then_some(new)
    });
}
