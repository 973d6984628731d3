// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What kani is asked to prove of the arithmetic, over all of 64 bits: `cargo xtask kani`.
//!
//! The exhaustive tests show the same over small address spaces, on machines without kani.

use crate::{Granule, PageShift, PhysAddr, Run};

/// The stretches of a run follow one another without gap or overlap, from the page of its first
/// byte to that of its last, and there are at most three.
#[kani::proof]
#[kani::unwind(5)]
fn stretches_tile_the_pages_of_a_run() {
    let page = PageShift(kani::any_where(|&shift| (12..=16).contains(&shift)));
    let shift = kani::any_where(|&shift| (9..=30).contains(&shift));
    let (first, last): (u64, u64) = (kani::any(), kani::any());
    let Some(granule) = Granule::from_shift(shift) else {
        return;
    };
    let Some(run) = Run::closed(PhysAddr(first), PhysAddr(last)) else {
        return;
    };

    let mut next = page.pfn_of(run.first());
    let mut seen = 0;
    for stretch in run.stretches(page, granule) {
        assert!(stretch.pages.first() == next);
        assert!(stretch.weight >= 1);
        next.0 = stretch.pages.last().0.wrapping_add(1);
        seen += 1;
    }
    assert!(seen <= 3);
    assert!(next.0.wrapping_sub(1) == page.pfn_of(run.last()).0);
}

/// A run that is split at a byte is the two parts, and the parts join to the run.
#[kani::proof]
fn what_is_skipped_joins_again() {
    let (first, last, offset): (u64, u64, u64) = (kani::any(), kani::any(), kani::any());
    let Some(run) = Run::closed(PhysAddr(first), PhysAddr(last)) else {
        return;
    };
    let (Some(head), Some(tail)) = (Run::new(run.first(), offset), run.skip(offset)) else {
        return;
    };
    assert!(head.join(tail) == Some(run));
}
