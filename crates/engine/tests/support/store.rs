//! A store for host tests: sections of equal size anywhere in the address space, holes between.

use std::collections::BTreeMap;

use dmasan_engine::{Cell, Hole, PageRange, PageShift, Pfn, Section, Store};

/// Sections of `pages_per_section` pages each, naturally aligned; those that are online have cells.
#[derive(Debug)]
pub(crate) struct HostStore<C> {
    page: PageShift,
    pages_per_section: u64,
    /// The cells of the sections that are online, by section index.
    ///
    /// What is removed here goes offline; what is put in comes online.
    pub(crate) online: BTreeMap<u64, Box<[C]>>,
}

impl<C: Cell + Default> HostStore<C> {
    /// A machine with the sections of the given indices online.
    pub(crate) fn new(
        page: PageShift,
        pages_per_section: u64,
        online: impl IntoIterator<Item = u64>,
    ) -> Self {
        let cells = |index| {
            (
                index,
                (0..pages_per_section).map(|_| C::default()).collect(),
            )
        };
        Self {
            page,
            pages_per_section,
            online: online.into_iter().map(cells).collect(),
        }
    }
}

impl<C: Cell> Store for HostStore<C> {
    type Cell = C;
    type Section<'a>
        = HostSection<'a, C>
    where
        C: 'a;

    fn page_shift(&self) -> PageShift {
        self.page
    }

    fn section(&self, pfn: Pfn) -> Result<HostSection<'_, C>, Hole> {
        let index = pfn.0 / self.pages_per_section;
        match self.online.range(index..).next() {
            Some((&at, cells)) if at == index => Ok(HostSection {
                asked: pfn,
                first: Pfn(index * self.pages_per_section),
                cells,
            }),
            Some((&next, _)) => Err(Hole {
                last: Pfn(next * self.pages_per_section - 1),
            }),
            None => Err(Hole {
                last: Pfn(u64::MAX),
            }),
        }
    }
}

/// One section that is online. Holds the engine to the contract of [`Section::for_each`].
#[derive(Debug)]
pub(crate) struct HostSection<'a, C> {
    asked: Pfn,
    first: Pfn,
    cells: &'a [C],
}

impl<C: Cell> Section for HostSection<'_, C> {
    type Cell = C;

    fn last(&self) -> Pfn {
        Pfn(self.first.0 + (self.cells.len() as u64 - 1))
    }

    fn for_each(&self, pages: PageRange, mut visit: impl FnMut(Pfn, &C)) {
        assert!(pages.first() >= self.asked, "{pages:?} begins too early");
        assert!(pages.last() <= self.last(), "{pages:?} ends too late");
        for pfn in pages.first().0..=pages.last().0 {
            visit(Pfn(pfn), &self.cells[(pfn - self.first.0) as usize]);
        }
    }
}
