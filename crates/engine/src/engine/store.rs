// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Where counts live, as far as the engine needs to know.

use super::{Cell, PageRange, PageShift, Pfn, Shape};

/// A place that has two words for every page of normal memory, found section by section.
///
/// Memory comes in sections: stretches of pages whose words lie at a fixed distance from one
/// another and come and go together. The engine looks a section up once and reaches all of it by
/// arithmetic.
pub trait Store {
    /// An atomic word.
    type Cell: Cell;

    /// One section, borrowed for as long as its words are used.
    type Section<'a>: Section<Cell = Self::Cell>
    where
        Self: 'a;

    /// The pages around a page, borrowed likewise.
    type Around<'a>: Words<Cell = Self::Cell>
    where
        Self: 'a;

    /// The sizes of blocks that have a word. The same for everybody who uses the store.
    const SHAPE: Shape = Shape::LINUX;

    /// The size of a CPU page.
    fn page_shift(&self) -> PageShift;

    /// The section that holds `pfn`, or how far the hole reaches that `pfn` is in.
    ///
    /// Device memory, offline memory and addresses with nothing behind them are holes: nobody
    /// allocates or frees there, so there is nothing to count. `pfn` may be any number at all.
    fn section(&self, pfn: Pfn) -> Result<Self::Section<'_>, Hole>;

    /// The largest block that can have a word around `pfn`, which is how nearly all words are
    /// found: its bounds need not be looked at any more.
    ///
    /// `None` if it is not all in one section; those that are smaller may be.
    fn around(&self, pfn: Pfn) -> Option<Self::Around<'_>>;
}

/// Pages without words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hole {
    /// The last page that is known to have none. At least the page that was asked for.
    pub last: Pfn,
}

/// Pages whose words are found by arithmetic.
///
/// The engine asks for those pages only.
pub trait Words {
    /// An atomic word.
    type Cell: Cell;

    /// The word of a page.
    fn page(&self, pfn: Pfn) -> &Self::Cell;

    /// The other word of a page, where something about a block of pages is kept.
    fn spare(&self, pfn: Pfn) -> &Self::Cell;
}

/// Pages whose words lie at a fixed distance from one another.
pub trait Section: Words {
    /// The first page of the section.
    fn first(&self) -> Pfn;

    /// The last page of the section.
    fn last(&self) -> Pfn;
}

/// Calls `visit` for every section that the pages are in, with those of the pages that are in it.
#[inline]
pub(super) fn for_each_section<'s, S: Store>(
    store: &'s S,
    pages: PageRange,
    mut visit: impl FnMut(&S::Section<'s>, PageRange),
) {
    all_sections(store, pages, |section, pages| {
        visit(section, pages);
        true
    });
}

/// Whether something holds in every section that the pages are in, for those of the pages in it.
#[inline]
pub(super) fn all_sections<'s, S: Store>(
    store: &'s S,
    pages: PageRange,
    mut holds: impl FnMut(&S::Section<'s>, PageRange) -> bool,
) -> bool {
    let (mut first, last) = (pages.first(), pages.last());
    loop {
        let end = match store.section(first) {
            Ok(section) => {
                let end = section.last();
                match PageRange::new(first, last.min(end)) {
                    Some(inside) if !holds(&section, inside) => return false,
                    _ => end,
                }
            }
            Err(hole) => hole.last,
        };
        // A store that breaks its word must not hang the kernel.
        let end = end.max(first);
        if end >= last {
            return true;
        }
        first = Pfn(end.0 + 1);
    }
}
