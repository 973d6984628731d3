// SPDX-License-Identifier: Apache-2.0 OR MIT

//! A look at everything that is mapped, for people who want to know.

use super::block::Block;
use super::cell;
use super::chain::{self, Count};
use super::marks;
use super::store::{for_each_section, Section, Store};
use super::{PageRange, Pfn, Shape};

/// Calls `visit` for the pages that have translations, in order.
///
/// May be called by anybody at any time and changes nothing. Where maps and unmaps are under way, a
/// page that is not mapped can be among them, and one that is can be missing.
pub(super) fn for_each_mapped<S: Store>(
    store: &S,
    pages: PageRange,
    mut visit: impl FnMut(Pfn, Count),
) {
    for_each_section(store, pages, |section, pages| {
        let mut first = pages.first();
        loop {
            let end = Block::around(S::SHAPE, first, S::SHAPE.mark()).last();
            let last = end.min(pages.last());
            if !is_untouched(S::SHAPE, section, first) {
                for pfn in (first.0..=last.0).map(Pfn) {
                    let count = chain::sum(S::SHAPE, section, pfn);
                    if count.translations() > 0 {
                        visit(pfn, count);
                    }
                }
            }
            if last == pages.last() {
                return;
            }
            first = Pfn(last.0 + 1);
        }
    });
}

/// Whether nothing is mapped in the block of a page that can have a mark, as far as two looks tell.
fn is_untouched<S: Section>(shape: Shape, section: &S, pfn: Pfn) -> bool {
    let mark = marks::of(shape, section, pfn);
    mark.is_some_and(|mark| !cell::read(mark).is_touched())
        && chain::above(shape, section, pfn, shape.mark()).is_zero()
}
