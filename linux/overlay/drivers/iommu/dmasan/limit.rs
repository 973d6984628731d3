// SPDX-License-Identifier: GPL-2.0-only

//! Which reports are printed. All of them are counted.

use crate::{
    boot,
    print::line, //
};
use kernel::{
    bindings,
    sync::atomic::{Atomic, Relaxed}, //
};

/// How many have been printed, or would have been but for the limit.
static REPORTED: Atomic<u32> = Atomic::new(0);
/// How many were not printed.
static UNPRINTED: Atomic<u64> = Atomic::new(0);

/// Whether one more report may be printed that is `wanted` as far as it itself is concerned. The
/// log says so at the first that may not because there have been enough.
pub(crate) fn may_print(wanted: bool) -> bool {
    // SAFETY: A flag that anybody may change at any time.
    let is_enabled = unsafe { (&raw const bindings::iommu_debug_enable).read_volatile() };
    let may = wanted && is_enabled && has_room();
    if !may {
        UNPRINTED.fetch_add(1, Relaxed);
    }
    may
}

fn has_room() -> bool {
    let limit = boot::reports();
    let before = REPORTED.fetch_add(1, Relaxed);
    if limit != 0 && before == limit {
        line!("DMASAN: {limit} reports printed, iommu.debug_pagealloc.reports allows no more");
    }
    limit == 0 || before < limit
}

/// How many were not printed: too many, not wanted, or switched off.
pub(crate) fn unprinted() -> u64 {
    UNPRINTED.load(Relaxed)
}
