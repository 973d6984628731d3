// SPDX-License-Identifier: GPL-2.0-only

//! Pages that change hands.

use crate::{
    engine::{Ledger, PageRange, Pfn, Verdict},
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
    // SAFETY: By the safety requirement.
    let first = unsafe { bindings::page_to_pfn(page) } as u64;
    let count = u64::try_from(numpages).unwrap_or(0);
    let Some(pages) = PageRange::from_count(Pfn(first), count) else {
        return;
    };
    // The lock is given back before anything is printed.
    let verdict = Ledger::new(&PageCounts::lock()).check(pages);
    match verdict {
        Verdict::Clean => (),
        // SAFETY: By the safety requirement.
        Verdict::Mapped(mapped) => unsafe { report::mapped(page, pages, &mapped, freed) },
        Verdict::Underflow(missing) => report::underflow(&missing),
    }
}
