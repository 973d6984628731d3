//! A store for host tests: sections of equal size anywhere in the address space, holes between.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use dmasan_engine::{Cell, Hole, PageShift, Pfn, Section, Shape, Store, Words};

/// Which blocks have a word.
pub(crate) trait Blocks {
    const SHAPE: Shape;
}

/// The blocks that Linux has.
#[derive(Debug)]
pub(crate) struct Linux;

impl Blocks for Linux {
    const SHAPE: Shape = Shape::LINUX;
}

/// Both words of a page.
#[derive(Debug, Default)]
pub(crate) struct Both<C> {
    page: C,
    spare: C,
}

/// Sections of `pages_per_section` pages each, naturally aligned; those that are online have words.
#[derive(Debug)]
pub(crate) struct HostStore<C, B = Linux> {
    page: PageShift,
    pages_per_section: u64,
    /// The words of the sections that are online, by section index.
    ///
    /// What is removed here goes offline; what is put in comes online.
    pub(crate) online: BTreeMap<u64, Box<[Both<C>]>>,
    blocks: PhantomData<B>,
}

impl<C: Cell + Default, B: Blocks> HostStore<C, B> {
    /// A machine with the sections of the given indices online.
    pub(crate) fn new(
        page: PageShift,
        pages_per_section: u64,
        online: impl IntoIterator<Item = u64>,
    ) -> Self {
        let words = |index| {
            (
                index,
                (0..pages_per_section).map(|_| Both::default()).collect(),
            )
        };
        Self {
            page,
            pages_per_section,
            online: online.into_iter().map(words).collect(),
            blocks: PhantomData,
        }
    }
}

impl<C: Cell, B: Blocks> Store for HostStore<C, B> {
    type Cell = C;
    type Section<'a>
        = HostSection<'a, C>
    where
        Self: 'a;
    type Around<'a>
        = HostSection<'a, C>
    where
        Self: 'a;
    const SHAPE: Shape = B::SHAPE;

    fn page_shift(&self) -> PageShift {
        self.page
    }

    fn section(&self, pfn: Pfn) -> Result<HostSection<'_, C>, Hole> {
        let index = pfn.0 / self.pages_per_section;
        match self.online.range(index..).next() {
            Some((&at, words)) if at == index => Ok(HostSection {
                first: Pfn(index * self.pages_per_section),
                words,
            }),
            Some((&next, _)) => Err(Hole {
                last: Pfn(next * self.pages_per_section - 1),
            }),
            None => Err(Hole {
                last: Pfn(u64::MAX),
            }),
        }
    }

    fn around(&self, pfn: Pfn) -> Option<HostSection<'_, C>> {
        let section = self.section(pfn).ok()?;
        let order = Self::SHAPE.largest();
        let first = Pfn(pfn.0 >> order << order);
        let begin = first.0.checked_sub(section.first.0)? as usize;
        let words = section.words.get(begin..begin + (1 << order))?;
        Some(HostSection { first, words })
    }
}

/// One section that is online, or a block of it. Panics if it is asked for pages that it does not
/// have.
#[derive(Debug)]
pub(crate) struct HostSection<'a, C> {
    first: Pfn,
    words: &'a [Both<C>],
}

impl<C: Cell> Words for HostSection<'_, C> {
    type Cell = C;

    fn page(&self, pfn: Pfn) -> &C {
        &self.words[(pfn.0 - self.first.0) as usize].page
    }

    fn spare(&self, pfn: Pfn) -> &C {
        &self.words[(pfn.0 - self.first.0) as usize].spare
    }
}

impl<C: Cell> Section for HostSection<'_, C> {
    fn first(&self) -> Pfn {
        self.first
    }

    fn last(&self) -> Pfn {
        Pfn(self.first.0 + (self.words.len() as u64 - 1))
    }
}
