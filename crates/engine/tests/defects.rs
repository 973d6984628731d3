//! Where the C implementation's accounting goes wrong, and ours must not: one test per defect.
//!
//! The names begin with the number of the defect.

mod support {
    pub(crate) mod cell;
    pub(crate) mod short;
    pub(crate) mod store;
    pub(crate) mod table;
}

use dmasan_engine::{Findings, Ledger, Merger, PageShift, Pfn, Spans, Verdict};
use support::cell::HostCell;
use support::short::*;
use support::store::HostStore;
use support::table::{Gaps, Table};

const M1: u64 = 1 << 20;
/// Page sizes of 4K, 64K, 2M and 1G.
const SIZES: u64 = K4 | K64 | M2 | 1 << 30;

fn found(findings: &Findings) -> &Spans {
    findings.spans().expect("something is found")
}

#[test]
fn g1_physical_address_zero_is_counted() {
    let store = machine([0]);
    let ledger = Ledger::new(&store);
    let mut table = Table::new(K4, Gaps::Stop);

    map(&ledger, run(0, K64), granule(K4));
    table.map(0x10_0000, 0, K64);
    assert_eq!(check(&ledger, 0, 1), [(0, 0, 1)]);
    assert_eq!(check(&ledger, 1, 511), [(1, 15, 15)]);

    assert_eq!(unmap(&ledger, &mut table, 0x10_0000, K64), K64);
    assert_eq!(translations(&ledger, 0), Some(0));
    assert_eq!(check(&ledger, 0, 512), []);
}

#[test]
fn g2_the_last_page_of_the_address_space_is_counted_and_uncounted() {
    let top = u64::MAX >> PAGE.0;
    let store = machine([top / SECTION]);
    let ledger = Ledger::new(&store);
    let mut table = Table::new(K4, Gaps::Stop);
    let (iova, phys) = (u64::MAX - (2 * K4 - 1), u64::MAX - (2 * K4 - 1));

    map(&ledger, run(phys, 2 * K4), granule(K4));
    table.map(iova, phys, 2 * K4);
    assert_eq!(translations(&ledger, top), Some(1));
    // The driver made only the first page of a second map of the same memory.
    map(&ledger, run(phys, 2 * K4), granule(K4));
    map_end(&ledger, run(phys, 2 * K4), K4, granule(K4));
    assert_eq!(check(&ledger, top - 1, 2), [(top - 1, top, 3)]);

    assert_eq!(unmap(&ledger, &mut table, iova + K4, K4), K4);
    assert_eq!(translations(&ledger, top), Some(0));
    assert_eq!(unmap(&ledger, &mut table, iova, 2 * K4), K4);
    assert_eq!(translations(&ledger, top - 1), Some(1));
}

#[test]
fn g3_memory_above_4_gib_is_counted_whatever_the_width_of_a_register() {
    let gib4 = 1u64 << (32 - PAGE.0);
    let store = machine([0, gib4 / SECTION - 1, gib4 / SECTION, 3 * gib4 / SECTION]);
    let ledger = Ledger::new(&store);

    // Across the boundary, and longer than 32 bits can say.
    for run in [run((1 << 32) - K4, 2 * K4), run(1 << 32, (8 << 30) + K4)] {
        assert!(map(&ledger, run, granule(K4)).is_empty());
    }
    assert_eq!(translations(&ledger, 0), Some(0), "address cut to 32 bits");
    assert_eq!(check(&ledger, gib4 - 1, 2), [(gib4 - 1, gib4, 3)]);
    assert_eq!(check(&ledger, 3 * gib4, 2), [(3 * gib4, 3 * gib4, 1)]);
    for run in [run((1 << 32) - K4, 2 * K4), run(1 << 32, (8 << 30) + K4)] {
        assert!(uncount(&ledger, run, granule(K4)).is_empty());
    }
    assert_eq!(check(&ledger, 0, 4 * gib4), []);
}

#[test]
fn g4_the_end_of_a_domain_tells_its_leak_and_blames_nobody_later() {
    let store = machine([0]);
    let ledger = Ledger::new(&store);
    let mut table = Table::new(SIZES, Gaps::Stop);
    // Page 20 is mapped twice: one page, two translations. Page 3 is somebody's to keep.
    for (iova, phys, len) in [
        (0, 0, K64),
        (M2, 20 * K4, K4),
        (M2 + K4, 20 * K4, K4),
        (M2 + K64, K64, K4),
    ] {
        map(&ledger, run(phys, len), table.granule());
        table.map(iova, phys, len);
    }

    let (mut merger, mut leaks) = (Merger::new(), Findings::new());
    let mut end = |gone| ledger.release(gone, table.granule(), &mut leaks, |pfn| pfn != Pfn(3));
    for leaf in table.leaves.values() {
        merger.push(leaf.into()).into_iter().for_each(&mut end);
    }
    merger.finish().into_iter().for_each(&mut end);

    let spans = [(0, 2, 3), (4, 15, 12), (20, 20, 2), (16, 16, 1)];
    assert_eq!(told(found(&leaks)), spans);
    assert_eq!((found(&leaks).spans(), found(&leaks).pages()), (4, 17));
    assert_eq!(check(&ledger, 0, 512), []);
}

#[test]
fn g4_what_a_domain_never_counted_is_not_its_leak() {
    let store = machine([0]);
    let ledger = Ledger::new(&store);
    let mut leaks = Findings::new();
    ledger.release(run(0, K64), granule(K4), &mut leaks, |_| true);
    assert_eq!(leaks.spans(), None);
    assert_eq!(check(&ledger, 0, 16), []);
}

#[test]
fn g5_an_unmap_that_removes_more_than_was_asked_uncounts_all_of_it() {
    let store = machine(0..4);
    let ledger = Ledger::new(&store);
    let mut table = Table::new(SIZES, Gaps::Stop);
    // Two 64K leaves out of order, then a 2M leaf; the unmap ends 1M into the latter.
    for (iova, phys, len) in [
        (M2 - 2 * K64, 5 * K64, K64),
        (M2 - K64, 2 * K64, K64),
        (M2, M2, M2),
    ] {
        map(&ledger, run(phys, len), table.granule());
        table.map(iova, phys, len);
    }

    let removed = unmap(&ledger, &mut table, M2 - 2 * K64, M1 + 2 * K64);
    assert_eq!(removed, M2 + 2 * K64);
    assert_eq!(check(&ledger, 0, 4 * SECTION), []);
}

#[test]
fn g6_a_page_without_a_cell_is_never_mapped_and_stops_nothing() {
    let store = machine([1, 3]);
    let ledger = Ledger::new(&store);
    // From the hole before the first section to the hole behind the last.
    let all = run(M1, 7 * M1);

    assert!(map(&ledger, all, granule(K4)).is_empty());
    let hole = 2 * SECTION;
    assert_eq!(translations(&ledger, hole), None);
    assert_eq!(check(&ledger, hole, SECTION), []);
    assert_eq!(check(&ledger, u64::MAX, 1), []);
    assert_eq!(
        check(&ledger, 0, 5 * SECTION),
        [
            (SECTION, 2 * SECTION - 1, SECTION),
            (3 * SECTION, 4 * SECTION - 1, SECTION)
        ]
    );
    assert!(uncount(&ledger, all, granule(K4)).is_empty());
    assert_eq!(check(&ledger, 0, 5 * SECTION), []);
}

#[test]
fn g7_every_page_under_a_granule_larger_than_the_page_is_counted() {
    let store = machine([0]);
    let ledger = Ledger::new(&store);
    let mapped = run(K64, 2 * K64);

    map(&ledger, mapped, granule(K64));
    assert_eq!(check(&ledger, 16 + 7, 1), [(23, 23, 1)]);
    assert_eq!(check(&ledger, 0, 512), [(16, 22, 7), (24, 47, 24)]);
    // Half a granule cannot be mapped: the first is taken to be there, the second is not.
    map_end(&ledger, mapped, K64 / 2, granule(K64));
    assert_eq!(translations(&ledger, 31), Some(1));
    assert_eq!(translations(&ledger, 32), Some(0));
}

#[test]
fn g8_granules_in_one_page_are_counted_in_one_go() {
    let store = HostStore::<HostCell>::new(PageShift(16), 32, [0]);
    let ledger = Ledger::new(&store);
    // From the last granule of page 0 over all of pages 1 and 2 to two granules of page 3.
    let mapped = run(K64 - K4, 2 * K64 + 3 * K4);

    let stretches: Vec<_> = mapped
        .stretches(PageShift(16), granule(K4))
        .map(|stretch| {
            (
                stretch.pages.first().0,
                stretch.pages.last().0,
                stretch.weight,
            )
        })
        .collect();
    assert_eq!(stretches, [(0, 0, 1), (1, 2, 16), (3, 3, 2)]);

    map(&ledger, mapped, granule(K4));
    assert_eq!(check(&ledger, 0, 32), [(0, 3, 35)]);
    assert!(uncount(&ledger, mapped, granule(K4)).is_empty());
    assert_eq!(check(&ledger, 0, 32), []);
}

#[test]
fn g9_one_bug_is_one_report_and_a_new_bug_is_a_new_one() {
    let store = machine([0]);
    let ledger = Ledger::new(&store);
    map(&ledger, run(0, K4), granule(K4));
    assert_eq!(check(&ledger, 0, 1), [(0, 0, 1)]);
    for _ in 0..1000 {
        assert_eq!(check(&ledger, 0, 1), [], "an innocent owner is blamed");
    }

    // As long as one of the old translations is left, it is still the old bug.
    map(&ledger, run(0, K4), granule(K4));
    uncount(&ledger, run(0, K4), granule(K4));
    assert_eq!(check(&ledger, 0, 1), []);
    uncount(&ledger, run(0, K4), granule(K4));

    map(&ledger, run(0, K4), granule(K4));
    assert_eq!(check(&ledger, 0, 1), [(0, 0, 1)], "a new bug goes unseen");
}

#[test]
fn g9_the_end_of_a_domain_does_not_repeat_what_the_free_reported() {
    let store = machine([0]);
    let ledger = Ledger::new(&store);
    map(&ledger, run(0, 4 * K4), granule(K4));
    assert_eq!(check(&ledger, 1, 2), [(1, 2, 2)]);

    let mut leaks = Findings::new();
    ledger.release(run(0, 4 * K4), granule(K4), &mut leaks, |_| true);
    assert_eq!(told(found(&leaks)), [(0, 0, 1), (3, 3, 1)]);
}

#[test]
fn g10_one_free_is_one_report_with_the_first_spans_in_full_and_the_rest_in_numbers() {
    let store = machine([0]);
    let ledger = Ledger::new(&store);
    for i in 0..20 {
        map(&ledger, run(i * 3 * K4, 2 * K4), granule(K4));
    }
    let Verdict::Mapped(spans) = ledger.check(pages(0, SECTION)) else {
        panic!("nothing reported");
    };
    assert_eq!(
        told(&spans),
        (0..8).map(|i| (i * 3, i * 3 + 1, 2)).collect::<Vec<_>>()
    );
    assert_eq!((spans.spans(), spans.pages()), (20, 40));
    assert!(spans.kept().iter().all(|span| span.pages() == 2));
}
