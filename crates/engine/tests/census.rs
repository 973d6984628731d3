//! A look at everything that is mapped sees what is mapped, and changes nothing.

#[expect(dead_code, reason = "shared with tests that need all of it")]
mod support {
    pub(crate) mod cell;
    pub(crate) mod short;
    pub(crate) mod store;
    pub(crate) mod table;
}

use dmasan_engine::{Ledger, Pfn};
use support::cell::HostCell;
use support::short::*;
use support::store::HostStore;

fn mapped(ledger: &Ledger<'_, HostStore<HostCell>>, first: u64, count: u64) -> Vec<(u64, u32)> {
    let mut seen = Vec::new();
    ledger.for_each_mapped(pages(first, count), |Pfn(pfn), count| {
        seen.push((pfn, count.translations()));
    });
    seen
}

#[test]
fn pages_are_seen_with_their_translations_across_sections_and_holes() {
    // Sections of 2M; the second one is not there.
    let store = machine([0, 2, 3]);
    let ledger = Ledger::new(&store);
    assert!(mapped(&ledger, 0, 4 * SECTION).is_empty());
    for (pfn, count) in [
        (3, 1),
        (4, 1),
        (4, 1),
        (2 * SECTION - 1, 2),
        (3 * SECTION - 1, 2),
    ] {
        map(&ledger, run(pfn * K4, count * K4), granule(K4));
    }
    let last = 3 * SECTION - 1;
    let all = [(3, 1), (4, 2), (2 * SECTION, 1), (last, 1), (last + 1, 1)];
    assert_eq!(mapped(&ledger, 0, 4 * SECTION), all);
    assert_eq!(mapped(&ledger, 4, 2 * SECTION - 3), all[1..3]);
}

#[test]
fn a_large_mapping_is_all_of_its_pages_but_those_taken_out() {
    let store = machine([0, 1]);
    let ledger = Ledger::new(&store);
    map(&ledger, run(0, M2), granule(K4));
    uncount(&ledger, run(7 * K4, 2 * K4), granule(K4));
    let seen = mapped(&ledger, 0, 2 * SECTION);
    let expect: Vec<(u64, u32)> = (0..SECTION)
        .filter(|pfn| !(7..9).contains(pfn))
        .map(|pfn| (pfn, 1))
        .collect();
    assert_eq!(seen, expect);
}

#[test]
fn looking_takes_no_report_away() {
    let store = machine([0]);
    let ledger = Ledger::new(&store);
    map(&ledger, run(9 * K4, K4), granule(K4));
    assert_eq!(mapped(&ledger, 0, SECTION), [(9, 1)]);
    assert_eq!(check(&ledger, 0, SECTION), [(9, 9, 1)]);
    // What has been reported is still mapped.
    assert_eq!(mapped(&ledger, 0, SECTION), [(9, 1)]);
}
