// SPDX-License-Identifier: GPL-2.0-only

//! Pages that change hands.

use crate::{
    engine::{Ledger, PageRange, Verdict},
    origins,
    report,
    store::PageCounts, //
};
use kernel::{
    bindings,
    ffi::c_int,
    prelude::*, //
};

/// Checks pages that the page allocator hands out, or takes back if `freed`.
///
/// # Safety
///
/// `page` must be the first of `numpages` pages.
#[export]
pub(crate) unsafe extern "C" fn __iommu_debug_check_unmapped(
    page: *const bindings::page,
    numpages: c_int,
    freed: bool,
) {
    let Ok(count) = u64::try_from(numpages) else {
        return;
    };
    let looks_clean = {
        // SAFETY: By the safety requirement.
        let (counts, first) = unsafe { PageCounts::lock_page(page) };
        PageRange::from_count(first, count)
            .is_some_and(|pages| Ledger::new(&counts).looks_clean(pages))
    };
    if !looks_clean {
        // SAFETY: By the safety requirement.
        unsafe { look(page, count, freed) };
    }
    // At the end, where nothing has to be kept across a call.
    origins::checked();
}

/// There may be something to report.
///
/// # Safety
///
/// `page` must be the first of `count` pages.
#[cold]
unsafe fn look(page: *const bindings::page, count: u64, freed: bool) {
    // The lock is given back before anything is printed.
    let (pages, verdict) = {
        // SAFETY: By the safety requirement.
        let (counts, first) = unsafe { PageCounts::lock_page(page) };
        let Some(pages) = PageRange::from_count(first, count) else {
            return;
        };
        (pages, Ledger::new(&counts).check(pages))
    };
    match verdict {
        Verdict::Clean => (),
        // SAFETY: By the safety requirement.
        Verdict::Mapped(mapped) => unsafe { report::mapped(page, pages, &mapped, freed) },
        Verdict::Underflow(missing) => report::underflow(&missing),
    }
}
