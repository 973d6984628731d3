//! Maps over entries that are live.

use dmasan_engine::{Granule, Lost, PendingMap, PhysAddr, Run};

const PAGE: u64 = 4096;

const IOVA: u64 = 0x10_0000;
/// What is mapped at `IOVA`.
const NEW: u64 = 500;

fn pages(run: Run) -> (u64, u64) {
    let first = run.first().0 / PAGE;
    (first, (run.last().0 + 1) / PAGE - first)
}

/// What a map at `IOVA` takes the place of, if `mapped` pages are mapped, `table` says which page
/// was behind each before, and `goes_by` which one is then.
fn lost(
    table: &[Option<u64>],
    mapped: u64,
    goes_by: impl Fn(usize, Option<u64>) -> Option<u64>,
) -> Vec<Lost> {
    let granule = Granule::from_bitmap(PAGE).expect("a granule");
    let index = |iova| ((iova - IOVA) / PAGE) as usize;
    let mut pending = PendingMap::new();
    pending.look(IOVA, table.len() as u64 * PAGE, granule, |iova| {
        table[index(iova)].map_or(0, |pfn| pfn * PAGE)
    });
    let mut lost = Vec::new();
    let after = |iova| goes_by(index(iova), table[index(iova)]).map_or(0, |pfn| pfn * PAGE);
    let new = PhysAddr(NEW * PAGE);
    pending.settle(IOVA, new, mapped * PAGE, granule, after, |run| {
        lost.push(run)
    });
    lost
}

/// What is written over where the new translation counts, in pages as `(first, count)`.
fn overwritten(table: &[Option<u64>], mapped: u64) -> Vec<(u64, u64)> {
    let lost = lost(table, mapped, |index, _| Some(NEW + index as u64));
    assert!(lost.iter().all(|lost| lost.before == lost.gone));
    lost.iter().map(|lost| pages(lost.gone)).collect()
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

/// What was found and what is gone, in pages as `(first, count)`.
fn found_and_gone(lost: &[Lost]) -> Vec<((u64, u64), (u64, u64))> {
    let both = |lost: &Lost| (pages(lost.before), pages(lost.gone));
    lost.iter().map(both).collect()
}

#[test]
fn where_the_first_translation_counts_the_new_one_is_gone() {
    let table = [None, Some(7), Some(8), None, Some(9)];
    let lost = lost(&table, 5, |_, before| before);
    assert_eq!(
        found_and_gone(&lost),
        [((7, 2), (NEW + 1, 2)), ((9, 1), (NEW + 4, 1))]
    );
}

#[test]
fn a_table_may_go_by_either_in_one_run() {
    let table = [Some(7), Some(8), Some(9), Some(10)];
    let lost = lost(&table, 4, |index, before| {
        let is_first = index == 1 || index == 2;
        before.filter(|_| is_first).or(Some(NEW + index as u64))
    });
    assert_eq!(
        found_and_gone(&lost),
        [((7, 1), (7, 1)), ((8, 2), (NEW + 1, 2)), ((10, 1), (10, 1))]
    );
}

#[test]
fn what_is_mapped_where_it_is_already_goes_once() {
    let lost = lost(&[Some(NEW)], 1, |_, before| before);
    assert_eq!(found_and_gone(&lost), [((NEW, 1), (NEW, 1))]);
}
