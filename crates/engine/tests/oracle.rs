//! Random histories of a machine against a plain list of live translations.
//!
//! `PROPTEST_CASES=100000 cargo test -p dmasan-engine --release --test oracle` for the long run.

#[expect(dead_code, reason = "shared with tests that need all of it")]
mod support {
    pub(crate) mod cell;
    pub(crate) mod history;
    pub(crate) mod oracle;
    pub(crate) mod short;
    pub(crate) mod store;
    pub(crate) mod table;
}

use std::collections::BTreeMap;

use dmasan_engine::{
    Count, Findings, Granule, Ledger, Merger, PageRange, PageShift, Pfn, Run, Shape, Spans, Verdict,
};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use support::cell::HostCell;
use support::history::{memory_run, part, steps, Path, Place, Step, IOVAS, MEMORY, WINDOW};
use support::oracle::Oracle;
use support::short;
use support::store::{Blocks, Both, HostStore};
use support::table::{Gaps, Table};

/// Page sizes of the domains: smaller than, equal to and larger than those of the CPU.
const DOMAINS: [u64; 4] = [
    0x1000 | 0x1_0000,
    0x1000 | 0x8000 | 0x4_0000,
    0x4000,
    0x1_0000 | 0x8_0000,
];
const PAGES_PER_SECTION: u64 = 32;

/// Blocks so small that windows hold many of each size.
struct Small;

impl Blocks for Small {
    const SHAPE: Shape = Shape::new(&[0, 2, 3, 5], 2);
}

struct World {
    page: PageShift,
    store: HostStore<HostCell, Small>,
    domains: Vec<Table>,
    oracle: Oracle,
}

impl World {
    fn new(page: PageShift) -> Self {
        let section = PAGES_PER_SECTION << page.0;
        // Every third section is a hole to begin with.
        let sections = MEMORY.map(|base| base / section..=(base + (WINDOW - 1)) / section);
        let online = sections
            .into_iter()
            .flatten()
            .filter(|index| index % 3 != 2);
        let tables = DOMAINS
            .iter()
            .zip([Gaps::Stop, Gaps::Skip].into_iter().cycle());
        Self {
            page,
            store: HostStore::new(page, PAGES_PER_SECTION, online),
            domains: tables
                .map(|(sizes, gaps)| Table::new(*sizes, gaps))
                .collect(),
            oracle: Oracle::new(page),
        }
    }

    fn pfns(&self) -> impl Iterator<Item = Pfn> {
        let page = self.page;
        let pages = |base: u64| base >> page.0..=(base + (WINDOW - 1)) >> page.0;
        MEMORY.map(pages).into_iter().flatten().map(Pfn)
    }

    fn counts(&self) -> BTreeMap<u64, Count> {
        let ledger = Ledger::new(&self.store);
        self.pfns()
            .filter_map(|pfn| Some((pfn.0, ledger.count(pfn)?)))
            .collect()
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Map {
                domain,
                iova,
                phys,
                granules,
                fails,
                ragged,
            } => {
                self.map(domain % DOMAINS.len(), iova, phys, granules, fails, ragged);
            }
            Step::Unmap {
                domain,
                leaf,
                granules,
                path,
            } => {
                let domain = domain % DOMAINS.len();
                let leaves = &self.domains[domain].leaves;
                if let Some(iova) = leaves.keys().nth(leaf % leaves.len().max(1)) {
                    self.unmap(domain, *iova, granules, path);
                }
            }
            Step::UnmapAnywhere {
                domain,
                iova,
                granules,
                path,
            } => {
                let domain = domain % DOMAINS.len();
                let granule = self.domains[domain].granule();
                let (iova, _) = part(IOVAS[iova.0 % IOVAS.len()], iova.1, 1, granule);
                self.unmap(domain, iova, granules, path);
            }
            Step::Bogus {
                domain,
                phys,
                granules,
            } => {
                let granule = self.domains[domain % DOMAINS.len()].granule();
                let run = memory_run(phys, granules, granule);
                self.oracle
                    .disturb(run.first().0 >> self.page.0..=run.last().0 >> self.page.0);
                self.uncount(run, granule, true);
            }
            Step::End { domain, spares } => self.end(domain % DOMAINS.len(), spares),
            Step::Check { phys, order } => self.check(phys, order),
            Step::Hotplug { phys } => self.hotplug(phys),
        }
    }

    fn map(
        &mut self,
        domain: usize,
        iova: Place,
        phys: Place,
        granules: u64,
        fails: u64,
        ragged: bool,
    ) {
        // What was found missing at no unmap may be found by the end of a map.
        let before = self.counts();
        let table = &mut self.domains[domain];
        let granule = table.granule();
        let (iova, room) = part(IOVAS[iova.0 % IOVAS.len()], iova.1, granules, granule);
        let phys = match table.gaps {
            Gaps::Stop => phys,
            // See `PendingUnmap::plan` for what cannot be told apart in low memory.
            Gaps::Skip => (1 + phys.0 % 2, phys.1),
        };
        let run = memory_run(phys, room / granule.bytes(), granule);
        let len = run.last().0 - run.first().0 + 1;
        // The driver stops at the first address that is taken, and wherever else it likes.
        let taken = |done: &u64| {
            table.leaves.values().any(|leaf| {
                let at = iova + done;
                leaf.iova <= at && at <= leaf.iova + (leaf.size - 1)
            })
        };
        let free = (0..len)
            .step_by(granule.bytes() as usize)
            .find(taken)
            .unwrap_or(len);
        let mapped = free.min(fails.saturating_mul(granule.bytes()));

        let ledger = Ledger::new(&self.store);
        assert!(short::map(&ledger, run, granule).is_empty(), "saturated");
        table.map(iova, run.first().0, mapped);
        let told = if ragged && mapped > 0 {
            mapped - granule.bytes() + 1
        } else {
            mapped
        };
        // While the driver ran, the cells that there are have counted all of it.
        let undone = short::map_end(&ledger, run, told, granule);
        for span in undone.kept() {
            for pfn in span.first.0..=span.last.0 {
                let missing = before.get(&pfn).map_or(0, |count| count.missing());
                assert!(missing > 0, "a failed map underflows: page {pfn:#x}");
            }
        }
        if let Some(made) = Run::new(run.first(), mapped) {
            self.oracle.map(made, granule);
        }
    }

    fn unmap(&mut self, domain: usize, iova: u64, granules: u64, path: Path) {
        let table = &mut self.domains[domain];
        let granule = table.granule();
        let window = IOVAS
            .iter()
            .rev()
            .find(|base| iova >= **base)
            .expect("first is zero");
        let len = (granules.max(1) * granule.bytes()).min(WINDOW - (iova - window));
        let mut gone = Vec::new();
        match path {
            Path::LookUp => {
                table.unmap(iova, len, |run| gone.push(run));
            }
            Path::Walk => {
                let mut merger = Merger::new();
                let last = iova + (len - 1);
                let range = table.leaves.range(iova..=last);
                let leaves: Vec<_> = range.map(|(_, leaf)| *leaf).collect();
                for leaf in &leaves {
                    table.leaves.remove(&leaf.iova);
                    gone.extend(merger.push(leaf.into()));
                }
                gone.extend(merger.finish());
            }
        }
        for run in gone {
            self.oracle.unmap(run, granule);
            self.uncount(run, granule, false);
        }
    }

    /// Uncounts a run: what is not there underflows, and only where the words cannot know. It is
    /// told at once, or else the page has less than nothing until it is checked.
    fn uncount(&mut self, run: Run, granule: Granule, bogus: bool) {
        let before = self.counts();
        let told = short::uncount(&Ledger::new(&self.store), run, granule);
        let after = self.counts();
        let mut expected = Spans::new();
        for (pfn, weight) in self.oracle.weights(run, granule) {
            let Some(count) = before.get(&pfn) else {
                continue;
            };
            let sum = signed(count) - i64::from(weight);
            let left = signed(&after[&pfn]);
            if left != sum {
                assert!(sum < 0 && left == 0, "page {pfn:#x}: {sum} became {left}");
                expected.push(Pfn(pfn), u32::try_from(-sum).expect("small"));
            }
            if left < 0 {
                self.oracle.dirty.insert(pfn);
            }
            let excused = bogus || self.oracle.dirty.contains(&pfn);
            assert!(sum >= 0 || excused, "page {pfn:#x}: {sum}");
        }
        assert_eq!(told, expected);
    }

    fn end(&mut self, domain: usize, spares: u64) {
        let granule = self.domains[domain].granule();
        let leaves = std::mem::take(&mut self.domains[domain].leaves);
        let is_leak = |pfn: Pfn| spares == 0 || pfn.0 % spares != 0;

        let mut merger = Merger::new();
        let mut runs: Vec<_> = leaves
            .values()
            .filter_map(|leaf| merger.push(leaf.into()))
            .collect();
        runs.extend(merger.finish());

        let ledger = Ledger::new(&self.store);
        let (mut leaks, mut expected) = (Findings::new(), Spans::new());
        for run in runs {
            for (pfn, weight) in self.oracle.weights(run, granule) {
                let known = ledger
                    .count(Pfn(pfn))
                    .is_some_and(|count| signed(&count) >= i64::from(weight));
                if known && !self.oracle.reported.contains(&pfn) && is_leak(Pfn(pfn)) {
                    expected.push(Pfn(pfn), weight);
                }
            }
            ledger.release(run, granule, &mut leaks, is_leak);
            self.oracle.unmap(run, granule);
        }
        assert_eq!(leaks.spans().cloned().unwrap_or_default(), expected);
    }

    fn check(&mut self, phys: Place, order: u32) {
        let pages = WINDOW >> self.page.0;
        let first = (MEMORY[phys.0 % MEMORY.len()] >> self.page.0)
            + ((phys.1 % pages) & !((1 << order) - 1));
        let range = PageRange::from_count(Pfn(first), 1 << order).expect("pages");

        let (counts, truth) = (self.counts(), self.oracle.counts());
        let mut expected = Spans::new();
        for (pfn, count) in counts.range(first..=range.last().0) {
            if count.translations() > 0 && self.oracle.reported.insert(*pfn) {
                assert!(truth.contains_key(pfn), "false alarm at page {pfn:#x}");
                expected.push(Pfn(*pfn), count.translations());
            }
        }
        let negative = |counts: &BTreeMap<u64, Count>| {
            let mut negative = Spans::new();
            for (pfn, count) in counts.range(first..=range.last().0) {
                if count.missing() > 0 {
                    negative.push(Pfn(*pfn), count.missing());
                }
            }
            negative
        };
        match Ledger::new(&self.store).check(range) {
            Verdict::Clean => assert_eq!(Spans::new(), expected),
            Verdict::Mapped(spans) => assert_eq!(spans, expected),
            Verdict::Underflow(spans) => {
                assert_eq!(Spans::new(), expected);
                assert_eq!(spans, negative(&counts));
                assert_eq!(negative(&self.counts()), Spans::new());
            }
        }
    }

    fn hotplug(&mut self, phys: Place) {
        let pages = WINDOW >> self.page.0;
        let pfn = (MEMORY[phys.0 % MEMORY.len()] >> self.page.0) + phys.1 % pages;
        let index = pfn / PAGES_PER_SECTION;
        let section =
            index * PAGES_PER_SECTION..=index * PAGES_PER_SECTION + (PAGES_PER_SECTION - 1);
        self.oracle.disturb(section.clone());
        self.oracle.reported.retain(|pfn| !section.contains(pfn));
        if self.store.online.remove(&index).is_none() {
            let cells = (0..PAGES_PER_SECTION).map(|_| Both::default());
            self.store.online.insert(index, cells.collect());
        }
    }

    /// Compares every count with the list.
    fn compare(&mut self) {
        let truth = self.oracle.counts();
        for (pfn, count) in self.counts() {
            let (seen, live) = (count.translations(), truth.get(&pfn).copied().unwrap_or(0));
            if seen == 0 {
                self.oracle.reported.remove(&pfn);
            }
            if live == 0 {
                assert_eq!(seen, 0, "page {pfn:#x} is free of translations");
                if count.missing() == 0 {
                    self.oracle.forget(Pfn(pfn));
                }
            } else if self.oracle.dirty.contains(&pfn) {
                assert!(seen <= live, "page {pfn:#x}: {seen} of {live}");
            } else {
                assert_eq!(seen, live, "page {pfn:#x}");
            }
            assert_eq!(
                count.is_reported(),
                self.oracle.reported.contains(&pfn),
                "page {pfn:#x}"
            );
        }
    }
}

fn signed(count: &Count) -> i64 {
    i64::from(count.translations()) - i64::from(count.missing())
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn counts_and_reports_are_what_a_list_of_live_translations_says(
        page in prop_oneof![Just(PageShift(12)), Just(PageShift(14)), Just(PageShift(16))],
        steps in steps(),
    ) {
        let mut world = World::new(page);
        for step in &steps {
            world.step(step);
            world.compare();
        }
        // In the end all go, and nothing is left behind.
        for domain in 0..DOMAINS.len() {
            world.end(domain, 0);
            world.compare();
        }
        prop_assert!(world.counts().values().all(|count| count.translations() == 0));
    }
}
