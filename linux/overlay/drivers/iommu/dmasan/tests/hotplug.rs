// SPDX-License-Identifier: GPL-2.0-only

//! KUnit tests of memory that goes and comes back.
//!
//! Memory takes its page extensions along when it goes offline, and gets zeroed ones when it comes
//! back. Taking real memory away is not for a unit test: here are two sections that are not of the
//! machine, with the words and atomics that pages have. Besides, what the page extensions say of
//! memory that is not there.

use super::pfn_of;
use crate::{
    engine::{
        Count,
        Findings,
        Granule,
        Hole,
        Ledger,
        PageRange,
        PageShift,
        Pfn,
        PhysAddr,
        Run,
        Section,
        Store,
        Verdict,
        Words, //
    },
    store::{page_iommu_debug_ops, PageData}, //
};
use kernel::{
    bindings,
    page::{Page, PAGE_SHIFT, PAGE_SIZE},
    prelude::*,
    sync::{atomic::Atomic, rcu}, //
};

/// Pages of a section: 4M of 4K, so that blocks of 2M are in it whole.
const PAGES: u64 = 1024;

/// Two adjacent sections, of which each may be offline.
struct Memory([Option<KVVec<PageData>>; 2]);

impl Memory {
    fn online() -> Result<Self> {
        Ok(Self([Some(words()?), Some(words()?)]))
    }

    fn take_offline(&mut self, section: usize) {
        self.0[section] = None;
    }

    fn bring_online(&mut self, section: usize) -> Result {
        self.0[section] = Some(words()?);
        Ok(())
    }

    fn map(&self, run: Run) -> Result {
        let mut saturated = Findings::new();
        Ledger::new(self).map_begin(run, granule()?, &mut saturated);
        match saturated.spans() {
            None => Ok(()),
            Some(_) => Err(EIO),
        }
    }

    /// Returns of how many pages there were too few translations.
    fn unmap(&self, run: Run) -> Result<u64> {
        let mut underflow = Findings::new();
        Ledger::new(self).unmap(run, granule()?, &mut underflow);
        Ok(underflow.spans().map_or(0, |spans| spans.pages()))
    }

    fn check(&self, first: u64, count: u64) -> Result<Verdict> {
        let pages = PageRange::from_count(Pfn(first), count).ok_or(EINVAL)?;
        Ok(Ledger::new(self).check(pages))
    }

    fn count(&self, pfn: u64) -> Option<u32> {
        Ledger::new(self).count(Pfn(pfn)).map(Count::translations)
    }
}

fn words() -> Result<KVVec<PageData>> {
    // CAST: A small number.
    let mut words = KVVec::with_capacity(PAGES as usize, GFP_KERNEL)?;
    for _ in 0..PAGES {
        words.push_within_capacity(PageData::new())?;
    }
    Ok(words)
}

impl Store for Memory {
    type Cell = Atomic<u32>;
    type Section<'a> = Online<'a>;
    type Around<'a> = Online<'a>;

    fn page_shift(&self) -> PageShift {
        PageShift(bindings::PAGE_SHIFT)
    }

    fn section(&self, pfn: Pfn) -> Result<Online<'_>, Hole> {
        let index = pfn.0 / PAGES;
        // CAST: No kernel of 32 bits has page frame numbers of more.
        match self.0.get(index as usize) {
            None => Err(Hole {
                last: Pfn(u64::MAX),
            }),
            Some(None) => Err(Hole {
                last: Pfn(index * PAGES + (PAGES - 1)),
            }),
            Some(Some(words)) => Ok(Online {
                first: index * PAGES,
                words,
            }),
        }
    }

    fn around(&self, _: Pfn) -> Option<Online<'_>> {
        // The largest blocks are larger than a section here.
        None
    }
}

/// A section that is online.
struct Online<'a> {
    first: u64,
    words: &'a [PageData],
}

impl Section for Online<'_> {
    fn first(&self) -> Pfn {
        Pfn(self.first)
    }

    fn last(&self) -> Pfn {
        Pfn(self.first + (PAGES - 1))
    }
}

impl Words for Online<'_> {
    type Cell = Atomic<u32>;

    // CAST: In both, the page is in the section, which is small.

    fn page(&self, pfn: Pfn) -> &Self::Cell {
        self.words[(pfn.0 - self.first) as usize].page()
    }

    fn spare(&self, pfn: Pfn) -> &Self::Cell {
        self.words[(pfn.0 - self.first) as usize].spare()
    }
}

fn granule() -> Result<Granule> {
    Granule::from_bitmap(PAGE_SIZE as u64).ok_or(EINVAL)
}

/// `count` pages from `first` on.
fn run(first: u64, count: u64) -> Result<Run> {
    Run::new(PhysAddr(first << PAGE_SHIFT), count << PAGE_SHIFT).ok_or(EINVAL)
}

#[kunit_tests(iommu_debug_pagealloc_hotplug)]
mod suite {
    use super::*;

    #[test]
    fn memory_that_goes_takes_its_counts_along_and_no_others() -> Result {
        let mut memory = Memory::online()?;
        // From the middle of one section to the middle of the other.
        let across = run(PAGES / 2, PAGES)?;
        memory.map(across)?;
        assert_eq!(memory.count(PAGES - 1), Some(1));
        assert_eq!(memory.count(PAGES), Some(1));

        memory.take_offline(1);
        assert_eq!(memory.count(PAGES - 1), Some(1));
        assert_eq!(memory.count(PAGES), None);
        assert_eq!(memory.check(PAGES, PAGES)?, Verdict::Clean);

        assert_eq!(memory.unmap(across)?, 0);
        assert_eq!(memory.count(PAGES - 1), Some(0));
        assert_eq!(memory.check(0, 2 * PAGES)?, Verdict::Clean);
        Ok(())
    }

    #[test]
    fn memory_that_comes_back_begins_at_zero() -> Result {
        let mut memory = Memory::online()?;
        memory.map(run(PAGES, PAGES)?)?;
        memory.take_offline(1);
        memory.bring_online(1)?;

        assert_eq!(memory.count(PAGES), Some(0));
        assert_eq!(memory.check(0, 2 * PAGES)?, Verdict::Clean);

        let page = run(PAGES + 7, 1)?;
        memory.map(page)?;
        assert_eq!(memory.count(PAGES + 7), Some(1));
        assert_eq!(memory.count(PAGES + 8), Some(0));
        assert!(matches!(memory.check(PAGES, PAGES)?, Verdict::Mapped(_)));
        assert_eq!(memory.unmap(page)?, 0);
        assert_eq!(memory.check(PAGES, PAGES)?, Verdict::Clean);
        Ok(())
    }

    #[test]
    fn a_translation_from_before_is_told_of_once_and_then_over() -> Result {
        let mut memory = Memory::online()?;
        let stale = run(PAGES + 3, 2)?;
        memory.map(stale)?;
        memory.take_offline(1);
        memory.bring_online(1)?;

        // Whoever maps memory that goes offline has a bug; the count must not stay below zero.
        assert_eq!(memory.unmap(stale)?, 2);
        assert_eq!(memory.count(PAGES + 3), Some(0));
        memory.map(stale)?;
        assert_eq!(memory.count(PAGES + 3), Some(1));
        assert_eq!(memory.unmap(stale)?, 0);
        assert_eq!(memory.check(PAGES, PAGES)?, Verdict::Clean);
        Ok(())
    }

    #[test]
    fn a_domain_that_ends_blames_nobody_for_memory_that_was_away() -> Result {
        let mut memory = Memory::online()?;
        let stale = run(PAGES, 16)?;
        memory.map(stale)?;
        memory.take_offline(1);
        memory.bring_online(1)?;

        let mut leaks = Findings::new();
        Ledger::new(&memory).release(stale, granule()?, &mut leaks, |_| true);
        assert!(leaks.spans().is_none());
        assert_eq!(memory.count(PAGES), Some(0));
        Ok(())
    }

    #[test]
    fn page_extensions_end_where_memory_ends() -> Result {
        if !super::super::is_switched_on() {
            return Ok(());
        }
        let page = Page::alloc_page(GFP_KERNEL)?;
        let rcu = rcu::read_lock();
        // CAST: It comes from a page that is there.
        let pfn = pfn_of(&page) as usize;
        let mut entries = page_iommu_debug_ops.entries(&rcu, pfn).map_err(|_| EIO)?;
        assert!((entries.first_pfn()..=entries.last_pfn()).contains(&pfn));

        // From one array to the next, whichever the memory model is.
        let behind = loop {
            let next = entries.last_pfn() + 1;
            match page_iommu_debug_ops.entries(&rcu, next) {
                Ok(more) => {
                    assert_eq!(more.first_pfn(), next);
                    entries = more;
                }
                Err(missing) => break (next, missing.last_pfn()),
            }
        };
        assert!(behind.1 >= behind.0);
        let nowhere = page_iommu_debug_ops.entries(&rcu, usize::MAX);
        assert_eq!(nowhere.err().map(|hole| hole.last_pfn()), Some(usize::MAX));
        Ok(())
    }
}
