// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Drivers that count a gap as unmapped must not make page 0 look mishandled.

use dmasan_engine::{Granule, PendingUnmap, Run, Unit};

fn settled(translate: impl FnMut(u64) -> u64, unmapped: u64) -> Vec<Run> {
    let granule = Granule::from_shift(12).expect("a granule");
    let unit = Unit {
        pgsize: 4096,
        count: 4,
    };
    let mut pending = PendingUnmap::new();
    pending.plan(0x10_0000, unit, 4096, granule, translate);
    let mut runs = Vec::new();
    pending.settle(0x10_0000, unmapped, granule, |_| 0, |run| runs.push(run));
    runs
}

#[test]
fn a_gap_is_told_from_memory_that_is_not_at_zero() {
    let gap = settled(|_| 0, 4096);
    assert!(gap.iter().all(|&run| PendingUnmap::may_be_gap(run)));
    assert!(!gap.is_empty());

    let memory = settled(|iova| iova + 0x1000, 4 * 4096);
    assert!(!memory.iter().any(|&run| PendingUnmap::may_be_gap(run)));
}
