// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Where counts live, as far as the engine needs to know.

use super::{Cell, PageRange, PageShift, Pfn};

/// A place that has a cell for every page of normal memory, found section by section.
///
/// Memory comes in sections: stretches of pages whose cells lie at a fixed distance from one
/// another and come and go together. The engine looks a section up once and steps through it.
pub trait Store {
    /// The atomic word of a page.
    type Cell: Cell;

    /// One section, borrowed for as long as its cells are used.
    type Section<'a>: Section<Cell = Self::Cell>
    where
        Self: 'a;

    /// The size of a CPU page.
    fn page_shift(&self) -> PageShift;

    /// The section that holds `pfn`, or how far the hole reaches that `pfn` is in.
    ///
    /// Device memory, offline memory and addresses with nothing behind them are holes: nobody
    /// allocates or frees there, so there is nothing to count. `pfn` may be any number at all.
    fn section(&self, pfn: Pfn) -> Result<Self::Section<'_>, Hole>;
}

/// Pages without cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hole {
    /// The last page that is known to have none. At least the page that was asked for.
    pub last: Pfn,
}

/// Pages whose cells are found by arithmetic.
pub trait Section {
    /// The atomic word of a page.
    type Cell: Cell;

    /// The last page of the section.
    fn last(&self) -> Pfn;

    /// Calls `visit` for the cell of every page of `pages`, in order.
    ///
    /// `pages` begins at or behind the page that the section was asked for and ends no later than
    /// [`Section::last`].
    fn for_each(&self, pages: PageRange, visit: impl FnMut(Pfn, &Self::Cell));
}

/// Calls `visit` for every cell that the pages have; pages without one are skipped.
#[inline]
pub(super) fn for_each_cell<S: Store>(
    store: &S,
    pages: PageRange,
    mut visit: impl FnMut(Pfn, &S::Cell),
) {
    let mut rest = Some(pages);
    while let Some(pages) = rest {
        let last = match store.section(pages.first()) {
            Ok(section) => {
                let last = section.last();
                if let Some(inside) = pages.up_to(last) {
                    section.for_each(inside, &mut visit);
                }
                last
            }
            Err(hole) => hole.last,
        };
        // A store that breaks its word must not hang the kernel.
        rest = pages.after(last.max(pages.first()));
    }
}
