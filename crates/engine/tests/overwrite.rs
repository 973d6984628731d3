//! Maps over entries that are live.

use dmasan_engine::{Granule, PendingMap, Run};

const PAGE: u64 = 4096;

/// What a map of `pages` pages at 0x10_0000 writes over, in pages as `(first, count)`, if `mapped`
/// of them are mapped and `table` says which page was behind each.
fn overwritten(table: &[Option<u64>], mapped: u64) -> Vec<(u64, u64)> {
    let granule = Granule::from_bitmap(PAGE).expect("a granule");
    let mut pending = PendingMap::new();
    pending.look(0x10_0000, table.len() as u64 * PAGE, granule, |iova| {
        let index = ((iova - 0x10_0000) / PAGE) as usize;
        table[index].map_or(0, |pfn| pfn * PAGE)
    });
    let mut runs = Vec::new();
    let pages = |run: Run| {
        (
            run.first().0 / PAGE,
            (run.last().0 + 1) / PAGE - run.first().0 / PAGE,
        )
    };
    pending.settle(mapped * PAGE, |run| runs.push(pages(run)));
    runs
}

#[test]
fn nothing_is_written_over_where_nothing_is_live() {
    assert_eq!(overwritten(&[None; 40], 40), []);
}

#[test]
fn live_entries_are_told_as_runs_and_only_where_both_sides_go_on() {
    let table = [None, Some(7), Some(8), None, Some(9), Some(3), Some(2)];
    assert_eq!(overwritten(&table, 7), [(7, 2), (9, 1), (3, 1), (2, 1)]);
}

#[test]
fn a_driver_that_refuses_writes_over_nothing() {
    let table = [None, Some(7), Some(8), Some(9)];
    assert_eq!(overwritten(&table, 0), []);
    assert_eq!(overwritten(&table, 1), []);
    assert_eq!(overwritten(&table, 3), [(7, 2)]);
}

#[test]
fn what_does_not_fit_is_left_alone() {
    let table: Vec<_> = (0..20).map(|i| Some(2 * i + 1)).collect();
    let expected: Vec<_> = (0..PendingMap::RUNS as u64)
        .map(|i| (2 * i + 1, 1))
        .collect();
    assert_eq!(overwritten(&table, 20), expected);
}
