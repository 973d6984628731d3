//! A plain list of live translations, from which every count is worked out anew.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use dmasan_engine::{Granule, PageShift, Pfn, Run};

/// One granule of one mapping.
#[derive(Clone, Copy, Debug)]
struct Translation {
    phys: u64,
    granule: Granule,
}

/// What is true, as opposed to what was counted.
#[derive(Debug)]
pub(crate) struct Oracle {
    page: PageShift,
    live: Vec<Translation>,
    /// Pages whose present translations have been reported.
    pub(crate) reported: BTreeSet<u64>,
    /// Pages whose cells cannot know all: they came or went while translations were live, or
    /// something was taken away that was never added. Less than the truth may be counted there.
    pub(crate) dirty: BTreeSet<u64>,
}

impl Oracle {
    pub(crate) fn new(page: PageShift) -> Self {
        Self {
            page,
            live: Vec::new(),
            reported: BTreeSet::new(),
            dirty: BTreeSet::new(),
        }
    }

    pub(crate) fn map(&mut self, run: Run, granule: Granule) {
        let add = |phys| Translation { phys, granule };
        self.live.extend(granules(run, granule).map(add));
    }

    pub(crate) fn unmap(&mut self, run: Run, granule: Granule) {
        for phys in granules(run, granule) {
            let same = |t: &Translation| t.phys == phys && t.granule == granule;
            let found = self.live.iter().position(same);
            self.live
                .swap_remove(found.expect("what is unmapped was mapped"));
        }
    }

    /// The number of live translations that overlap each page; pages with none are left out.
    pub(crate) fn counts(&self) -> BTreeMap<u64, u32> {
        let mut counts = BTreeMap::new();
        for translation in &self.live {
            for pfn in self.pages(translation.phys, translation.granule) {
                *counts.entry(pfn).or_insert(0) += 1;
            }
        }
        counts
    }

    /// The translations of one run by page, in the order of the pages.
    pub(crate) fn weights(&self, run: Run, granule: Granule) -> BTreeMap<u64, u32> {
        let mut alone = Self::new(self.page);
        alone.map(run, granule);
        alone.counts()
    }

    /// The pages among `pfns` may from now on be counted too low.
    pub(crate) fn disturb(&mut self, pfns: RangeInclusive<u64>) {
        let live = self.counts();
        self.dirty.extend(live.range(pfns).map(|(pfn, _)| *pfn));
    }

    /// A page without translations has neither a past nor a report.
    pub(crate) fn forget(&mut self, pfn: Pfn) {
        self.reported.remove(&pfn.0);
        self.dirty.remove(&pfn.0);
    }

    fn pages(&self, phys: u64, granule: Granule) -> RangeInclusive<u64> {
        let last = phys + (granule.bytes() - 1);
        phys >> self.page.0..=last >> self.page.0
    }
}

fn granules(run: Run, granule: Granule) -> impl Iterator<Item = u64> {
    let (first, last) = (run.first().0, run.last().0);
    (first >> granule.shift()..=last >> granule.shift()).map(move |i| i << granule.shift())
}
