//! How runs are made of blocks: every run and every part of it over a small address space, and what
//! it costs to count the runs that matter.

#[expect(dead_code, reason = "shared with tests that need all of it")]
mod support {
    pub(crate) mod cell;
    pub(crate) mod short;
    pub(crate) mod store;
    pub(crate) mod table;
}

use std::cell::Cell as Counter;

use dmasan_engine::{Cell, Ledger, PageShift, Pfn, Run, Shape, Verdict};
use support::cell::HostCell;
use support::short::*;
use support::store::{Blocks, HostStore};

/// Blocks of 1, 4, 8 and 32 pages.
struct Small;

impl Blocks for Small {
    const SHAPE: Shape = Shape::new(&[0, 2, 3, 5], 2);
}

/// All `(first, last)` with `low <= first <= last <= high`.
fn ranges(low: u64, high: u64) -> impl Iterator<Item = (u64, u64)> {
    (low..=high).flat_map(move |first| (first..=high).map(move |last| (first, last)))
}

#[test]
fn every_part_can_be_taken_out_of_every_run_and_put_back() {
    const PAGES: u64 = 20;
    // Blocks that fit into sections, blocks that are sections, and blocks that never fit; with a
    // hole behind the first section.
    for (per_section, online) in [(4, vec![0, 2, 3, 4]), (8, vec![0, 2]), (64, vec![0])] {
        let store = HostStore::<HostCell, Small>::new(PAGE, per_section, online);
        let ledger = Ledger::new(&store);
        let expect = |count: &dyn Fn(u64) -> u32| {
            for pfn in 0..PAGES {
                if let Some(seen) = translations(&ledger, pfn) {
                    assert_eq!(seen, count(pfn), "page {pfn} of sections of {per_section}");
                }
            }
        };
        let bytes = |(first, last): (u64, u64)| run(first * K4, (last - first + 1) * K4);
        let within = |(first, last): (u64, u64), pfn: u64| u32::from(first <= pfn && pfn <= last);
        for whole in ranges(0, PAGES - 1) {
            for part in ranges(whole.0, whole.1) {
                assert!(map(&ledger, bytes(whole), granule(K4)).is_empty());
                assert!(uncount(&ledger, bytes(part), granule(K4)).is_empty());
                expect(&|pfn| within(whole, pfn) - within(part, pfn));
                assert!(map(&ledger, bytes(part), granule(K4)).is_empty());
                expect(&|pfn| within(whole, pfn));
                assert!(uncount(&ledger, bytes(whole), granule(K4)).is_empty());
                expect(&|_| 0);
            }
        }
        assert_eq!(check(&ledger, 0, PAGES), []);
    }
}

#[test]
fn every_range_of_pages_is_checked_to_its_ends() {
    const PAGES: u64 = 40;
    let bytes = |(first, last): (u64, u64)| run(first * K4, (last - first + 1) * K4);
    for mapped in ranges(6, 34).filter(|(first, last)| last - first < 10 || first % 8 == 0) {
        let store = HostStore::<HostCell, Small>::new(PAGE, 64, [0]);
        let ledger = Ledger::new(&store);
        map(&ledger, bytes(mapped), granule(K4));
        for outside in [(0, mapped.0 - 1), (mapped.1 + 1, PAGES)] {
            let (first, count) = (outside.0, outside.1 - outside.0 + 1);
            assert_eq!(check(&ledger, first, count), [], "{mapped:?}, {outside:?}");
        }
        let pages = mapped.1 - mapped.0 + 1;
        let expected = [(mapped.0, mapped.1, pages)];
        assert_eq!(check(&ledger, mapped.0 - 1, pages + 2), expected);
        assert!(uncount(&ledger, bytes(mapped), granule(K4)).is_empty());
        // A new bug at either end is a new report.
        for end in [mapped.0, mapped.1] {
            map(&ledger, bytes((end, end)), granule(K4));
            assert_eq!(check(&ledger, 0, PAGES), [(end, end, 1)]);
            assert!(uncount(&ledger, bytes((end, end)), granule(K4)).is_empty());
        }
        assert_eq!(check(&ledger, 0, PAGES), []);
    }
}

thread_local! {
    static READ: Counter<u32> = const { Counter::new(0) };
    static WRITTEN: Counter<u32> = const { Counter::new(0) };
}

/// A word that counts how often it is used.
#[derive(Debug, Default)]
struct Counted(HostCell);

impl Cell for Counted {
    fn load(&self) -> u32 {
        READ.set(READ.get() + 1);
        self.0.load()
    }

    fn load_acquire(&self) -> u32 {
        self.load()
    }

    fn fetch_add(&self, value: u32) -> u32 {
        WRITTEN.set(WRITTEN.get() + 1);
        self.0.fetch_add(value)
    }

    fn compare_exchange_weak(&self, current: u32, new: u32) -> Result<u32, u32> {
        WRITTEN.set(WRITTEN.get() + 1);
        self.0.compare_exchange_weak(current, new)
    }
}

/// How many words something reads and writes.
fn cost(work: impl FnOnce()) -> (u32, u32) {
    READ.set(0);
    WRITTEN.set(0);
    work();
    (READ.get(), WRITTEN.get())
}

#[test]
fn the_cost_of_a_run_is_that_of_its_blocks() {
    const SECTION: u64 = 1 << 15;
    let store = HostStore::<Counted>::new(PAGE, SECTION, 0..16);
    let ledger = Ledger::new(&store);
    let map = |run| cost(|| assert!(map(&ledger, run, granule(K4)).is_empty()));
    let unmap = |run| cost(|| assert!(uncount(&ledger, run, granule(K4)).is_empty()));
    // (bytes, words of its blocks, of which below the size that is marked)
    for (bytes, words, marked) in [
        (4 << 10, 1, 1),
        (64 << 10, 1, 1),
        (1 << 20, 1, 1),
        (2 << 20, 1, 0),
        (16 << 20, 1, 0),
        (128 << 20, 1, 0),
        (1 << 30, 8, 0),
    ] {
        // Once before, so that the mark is set already.
        let run = run(1 << 30, bytes);
        map(run);
        unmap(run);
        assert_eq!(map(run), (marked, words), "map of {bytes} bytes");
        assert_eq!(unmap(run), (0, words), "unmap of {bytes} bytes");
    }
}

#[test]
fn the_check_of_pages_that_nobody_maps_reads_a_few_words_whatever_their_order() {
    let store = HostStore::<Counted>::new(PAGE, 1 << 15, [0]);
    let ledger = Ledger::new(&store);
    for (order, words) in [(0, 3), (3, 3), (9, 3), (10, 6)] {
        let check = || assert_eq!(ledger.check(pages(0, 1 << order)), Verdict::Clean);
        assert_eq!(cost(check), (words, 0), "order {order}");
    }
    // What has been mapped and unmapped is looked at once by whoever has all of it.
    for pfn in [0, 511] {
        map(&ledger, run(pfn * K4, K4), granule(K4));
        uncount(&ledger, run(pfn * K4, K4), granule(K4));
    }
    let check = || assert_eq!(ledger.check(pages(0, 512)), Verdict::Clean);
    assert!(cost(check).0 > 512);
    assert_eq!(cost(check), (3, 0));
}

#[test]
fn a_glance_is_enough_for_most_pages_that_nobody_maps() {
    let store = HostStore::<Counted>::new(PAGE, 1 << 15, [0]);
    let ledger = Ledger::new(&store);
    assert_eq!(cost(|| assert!(ledger.looks_clean(pages(0, 512)))), (3, 0));
    let page = run(7 * K4, K4);
    map(&ledger, page, granule(K4));
    assert!(!ledger.looks_clean(pages(7, 1)));
    assert!(!ledger.looks_clean(pages(0, 512)));
    // Near something that is mapped, it takes the words of the small blocks as well.
    assert_eq!(cost(|| assert!(ledger.looks_clean(pages(8, 1)))), (6, 0));
    uncount(&ledger, page, granule(K4));
    assert!(ledger.looks_clean(pages(7, 1)));
}

#[test]
fn words_that_cancel_out_stay_in_sight_of_later_checks() {
    let store = HostStore::<HostCell>::new(PAGE, 1 << 15, [0]);
    let ledger = Ledger::new(&store);
    map(&ledger, run(0, K64), granule(K4));
    for page in (0..16).map(|i| run(i * K4, K4)) {
        assert!(uncount(&ledger, page, granule(K4)).is_empty());
    }
    // Nothing is mapped, but not because nothing has been.
    assert_eq!(check(&ledger, 0, 512), []);
    // Taken away once too often, which no word shows by itself.
    assert!(uncount(&ledger, run(0, K64), granule(K4)).is_empty());
    match ledger.check(pages(3, 1)) {
        Verdict::Underflow(spans) => assert_eq!(told(&spans), [(3, 3, 1)]),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_mapped_in_parts_of_another_size_is_looked_at_part_by_part() {
    let store = HostStore::<Counted>::new(PAGE, 1 << 15, [0]);
    let ledger = Ledger::new(&store);
    let whole = run(0, 128 << 20);
    for part in (0..8).map(|i| run(i << 24, 1 << 24)) {
        ledger_map(&ledger, part);
    }
    let unmap = || assert!(uncount(&ledger, whole, granule(K4)).is_empty());
    assert_eq!(
        cost(unmap),
        (9, 1),
        "the word of the whole, and of each part"
    );

    // The other way round, words stay that cancel out. A check adds them up, each of them once.
    ledger_map(&ledger, run(0, 2 << 20));
    for page in (0..512).map(|i| run(i * K4, K4)) {
        assert!(uncount(&ledger, page, granule(K4)).is_empty());
    }
    let check = || assert_eq!(ledger.check(pages(0, 512)), Verdict::Clean);
    let (read, _) = cost(check);
    assert!(read < 512 + 32 + 2 + 14, "{read} words");
}

fn ledger_map(ledger: &Ledger<'_, HostStore<Counted>>, run: Run) {
    assert!(map(ledger, run, granule(K4)).is_empty());
}

#[test]
fn the_largest_granules_and_pages_have_their_blocks() {
    // Pages of 64K in sections of 512M, as on arm64; a granule of 512M.
    let store = HostStore::<HostCell>::new(PageShift(16), 1 << 13, 0..2);
    let ledger = Ledger::new(&store);
    let half_gib = 512 << 20;
    map(&ledger, run(half_gib, half_gib), granule(half_gib));
    for pfn in [0x2000, 0x2001, 0x3fff] {
        assert_eq!(
            ledger.count(Pfn(pfn)).map(|count| count.translations()),
            Some(1)
        );
    }
    assert_eq!(translations(&ledger, 0x1fff), Some(0));
    assert!(uncount(&ledger, run(half_gib, half_gib), granule(half_gib)).is_empty());
    assert_eq!(check(&ledger, 0, 0x4000), []);
}
