// SPDX-License-Identifier: GPL-2.0-only

//! A look at all memory.

use crate::{
    engine::{Count, Ledger, PageRange, Pfn},
    store::PageCounts, //
};
use kernel::bindings;

/// Pages that are looked at in one go.
const STEP: u64 = 1 << 15;

/// Calls `visit` for all pages of the machine that are mapped.
pub(crate) fn for_each_mapped(mut visit: impl FnMut(Pfn, Count)) {
    // SAFETY: No requirements.
    let end = unsafe { bindings::iommu_debug_max_pfn() } as u64;
    let mut first = 0;
    while first < end {
        if let Some(pages) = PageRange::from_count(Pfn(first), STEP.min(end - first)) {
            let counts = PageCounts::lock_from(pages.first());
            Ledger::new(&counts).for_each_mapped(pages, &mut visit);
        }
        first += STEP;
        // SAFETY: No lock is held here.
        unsafe { bindings::iommu_debug_rest() };
    }
}
