// SPDX-License-Identifier: GPL-2.0-only

//! Domains that end with translations in them.

use crate::{
    engine::{Findings, Ledger, Merger, Pfn, Run},
    report,
    store::{granule_of, phys_addr, PageCounts}, //
};
use core::mem::{align_of, size_of};
use kernel::{
    bindings,
    prelude::*, //
};

/// What C code keeps on its stack while it walks over the table.
struct Release {
    domain: *mut bindings::iommu_domain,
    walk: Merger,
    leaks: Findings,
}

const _: () = {
    assert!(size_of::<Release>() <= size_of::<bindings::iommu_debug_release>());
    assert!(align_of::<Release>() <= align_of::<bindings::iommu_debug_release>());
};

impl Release {
    fn release(&mut self, run: Run) {
        // SAFETY: The domain is valid until its end is over.
        if let Some(granule) = unsafe { granule_of(self.domain) } {
            let counts = PageCounts::lock_at(run.first());
            Ledger::new(&counts).release(run, granule, &mut self.leaks, is_allocatable);
        }
    }
}

/// Whether the page can have come from the page allocator.
///
/// Firmware tables, device memory and the like stay mapped until the domain ends, and rightly so.
pub(crate) fn is_allocatable(pfn: Pfn) -> bool {
    let Ok(pfn) = usize::try_from(pfn.0) else {
        return false;
    };
    // SAFETY: Any number may be asked for.
    let page = unsafe { bindings::pfn_to_online_page(pfn) };
    // SAFETY: The page exists.
    !page.is_null() && !unsafe { bindings::page_is_reserved(page) }
}

/// A domain ends, and a walk over its table is about to begin.
///
/// # Safety
///
/// Both must be valid, `domain` until the walk is over. `release` need not be initialised.
#[export]
pub(crate) unsafe extern "C" fn __iommu_debug_release_begin(
    domain: *mut bindings::iommu_domain,
    release: *mut bindings::iommu_debug_release,
) {
    // SAFETY: By the safety requirement; size and alignment are checked above.
    unsafe {
        release.cast::<Release>().write(Release {
            domain,
            walk: Merger::new(),
            leaks: Findings::new(),
        });
    }
}

/// A leaf is still live.
///
/// # Safety
///
/// `release` must be what `__iommu_debug_release_begin` has made, and not used by anybody else.
#[export]
pub(crate) unsafe extern "C" fn __iommu_debug_release_leaf(
    release: *mut bindings::iommu_debug_release,
    phys: bindings::phys_addr_t,
    size: u64,
) {
    // SAFETY: By the safety requirement.
    let release = unsafe { &mut *release.cast::<Release>() };
    let leaf = Run::new(phys_addr(phys), size);
    if let Some(run) = leaf.and_then(|leaf| release.walk.push(leaf)) {
        release.release(run);
    }
}

/// All leaves that were still live have been met.
///
/// # Safety
///
/// As for [`__iommu_debug_release_leaf`].
#[export]
pub(crate) unsafe extern "C" fn __iommu_debug_release_end(
    release: *mut bindings::iommu_debug_release,
) {
    // SAFETY: As in `__iommu_debug_release_leaf`.
    let release = unsafe { &mut *release.cast::<Release>() };
    if let Some(run) = release.walk.finish() {
        release.release(run);
    }
    // SAFETY: The domain is valid until its end is over.
    let on_purpose = unsafe { (*release.domain).debug_ends_mapped };
    match release.leaks.spans() {
        Some(leaks) if !on_purpose => report::leak(leaks),
        _ => (),
    }
}
