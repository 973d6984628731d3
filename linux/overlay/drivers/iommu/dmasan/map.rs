// SPDX-License-Identifier: GPL-2.0-only

//! Translations that come.

use crate::{
    engine::{Findings, Ledger, PendingMap, Pfn, Run, Store},
    origins,
    report,
    store::{granule_of, phys_addr, translate, PageCounts}, //
};
use core::mem::{align_of, size_of};
use kernel::{
    bindings,
    prelude::*, //
};

const _: () = {
    // Kept by C code on behalf of the engine.
    assert!(size_of::<PendingMap>() == size_of::<bindings::iommu_debug_map>());
    assert!(align_of::<PendingMap>() == align_of::<bindings::iommu_debug_map>());
    assert!(PendingMap::RUNS == bindings::IOMMU_DEBUG_OVERWRITTEN as usize);
};

/// Counts a range that is about to be mapped.
///
/// # Safety
///
/// `domain` must point to a valid domain.
#[export]
pub(crate) unsafe extern "C" fn __iommu_debug_map_begin(
    domain: *mut bindings::iommu_domain,
    phys: bindings::phys_addr_t,
    size: usize,
) {
    // SAFETY: By the safety requirement.
    let granule = unsafe { granule_of(domain) };
    let run = Run::new(phys_addr(phys), size as u64);
    if let (Some(granule), Some(run)) = (granule, run) {
        let mut saturated = Findings::new();
        {
            let counts = PageCounts::lock_at(run.first());
            Ledger::new(&counts).map_begin(run, granule, &mut saturated);
        }
        if let Some(saturated) = saturated.spans() {
            report::overflow(saturated);
        }
    }
}

/// Uncounts what of the range has not been mapped after all.
///
/// # Safety
///
/// `domain` must point to a valid domain.
#[export]
pub(crate) unsafe extern "C" fn __iommu_debug_map_end(
    domain: *mut bindings::iommu_domain,
    phys: bindings::phys_addr_t,
    size: usize,
    mapped: usize,
) {
    // SAFETY: By the safety requirement.
    let granule = unsafe { granule_of(domain) };
    let run = Run::new(phys_addr(phys), size as u64);
    if let (Some(granule), Some(run)) = (granule, run) {
        if let Some(rest) = run.skip(mapped as u64) {
            origins::unmapped(rest);
        }
        let mut underflow = Findings::new();
        {
            let counts = PageCounts::lock_at(run.first());
            Ledger::new(&counts).map_end(run, mapped as u64, granule, &mut underflow);
        }
        if let Some(underflow) = underflow.spans() {
            report::underflow(underflow);
        }
    }
}

/// A driver is about to be asked to map `size` bytes at `iova`.
///
/// # Safety
///
/// Both pointers must be valid, and `map` not used by anybody else. It need not be initialised.
#[export]
pub(crate) unsafe extern "C" fn __iommu_debug_map_look(
    domain: *mut bindings::iommu_domain,
    iova: usize,
    size: usize,
    map: *mut bindings::iommu_debug_map,
) {
    let pending = map.cast::<PendingMap>();
    // SAFETY: By the safety requirement; size and alignment are checked above.
    let pending = unsafe {
        pending.write(PendingMap::new());
        &mut *pending
    };
    // SAFETY: By the safety requirement.
    if let Some(granule) = unsafe { granule_of(domain) } {
        pending.look(iova as u64, size as u64, granule, |iova| {
            // SAFETY: The domain is valid and paging, or nobody would map to it.
            unsafe { translate(domain, iova) }
        });
    }
}

/// The driver has mapped `mapped` bytes from `iova` to `phys`.
///
/// # Safety
///
/// `domain` and `map` must be valid, and `map` the one that `__iommu_debug_map_look` filled.
#[export]
pub(crate) unsafe extern "C" fn __iommu_debug_map_settle(
    domain: *mut bindings::iommu_domain,
    iova: usize,
    phys: bindings::phys_addr_t,
    map: *mut bindings::iommu_debug_map,
    mapped: usize,
) {
    // SAFETY: By the safety requirement; `__iommu_debug_map_look` has initialised it.
    let pending = unsafe { &*map.cast::<PendingMap>() };
    // SAFETY: By the safety requirement.
    let Some(granule) = (unsafe { granule_of(domain) }) else {
        return;
    };
    // SAFETY: The domain is valid and paging, or nobody would map to it.
    let translate = |iova| unsafe { translate(domain, iova) };
    let mut overwritten = Findings::new();
    pending.settle(
        iova as u64,
        phys_addr(phys),
        mapped as u64,
        granule,
        translate,
        |lost| {
            let counts = PageCounts::lock_at(lost.gone.first());
            // What is missing was mapped before there was anything to count it in.
            Ledger::new(&counts).unmap(lost.gone, granule, &mut Findings::new());
            for stretch in lost.before.stretches(counts.page_shift(), granule) {
                for pfn in stretch.pages.first().0..=stretch.pages.last().0 {
                    overwritten.push(Pfn(pfn), stretch.weight);
                }
            }
        },
    );
    if let Some(overwritten) = overwritten.spans() {
        report::overwritten(overwritten);
    }
}
