// SPDX-License-Identifier: GPL-2.0-only

//! Translations that go.
//!
//! Page tables of `generic_pt` and of `io-pgtable` tell of every leaf from inside their own walk.
//! Drivers with tables of another kind are asked beforehand what is behind a range, and told
//! afterwards how much of it has gone.

use crate::{
    engine::{Findings, Ledger, PendingUnmap, PhysAddr, Run, Unit},
    origins,
    report,
    store::{granule_of, translate, PageCounts}, //
};
use core::mem::{align_of, size_of};
use kernel::{
    bindings,
    prelude::*, //
};

const _: () = {
    // Kept by C code on behalf of the engine.
    assert!(size_of::<PendingUnmap>() == size_of::<bindings::iommu_debug_unmap>());
    assert!(align_of::<PendingUnmap>() == align_of::<bindings::iommu_debug_unmap>());
    assert!(PendingUnmap::RUNS == bindings::IOMMU_DEBUG_RUNS as usize);
};

/// The walk of an unmap is over, or there is no room for more runs.
///
/// # Safety
///
/// `walk` and its domain must be valid, and `walk` not used by anybody else.
#[export]
pub(crate) unsafe extern "C" fn __iommu_debug_walk_end(walk: *mut bindings::iommu_debug_walk) {
    // SAFETY: By the safety requirement.
    let walk = unsafe { &mut *walk };
    // CAST: There are few.
    let len = core::mem::take(&mut walk.len) as usize;
    // Where the last run ends is not written down for every leaf.
    match walk.last.get_mut(len.wrapping_sub(1)) {
        Some(last) => *last = walk.next.wrapping_sub(1),
        None => return,
    }
    let runs = walk.first.iter().zip(&walk.last).take(len);
    let runs = runs.filter_map(|(first, last)| Run::closed(PhysAddr(*first), PhysAddr(*last)));
    if origins::are_kept() {
        origins::all_unmapped(runs.clone());
    }
    // SAFETY: By the safety requirement.
    let Some(granule) = (unsafe { granule_of(walk.domain) }) else {
        return;
    };
    let mut underflow = Findings::new();
    {
        let counts = PageCounts::lock_at(PhysAddr(walk.first[0]));
        let ledger = Ledger::new(&counts);
        for run in runs {
            ledger.unmap(run, granule, &mut underflow);
        }
    }
    if let Some(underflow) = underflow.spans() {
        report::underflow(underflow);
    }
}

/// A driver is about to be asked to unmap `count` pages of `pgsize` bytes at `iova`.
///
/// # Safety
///
/// All pointers must be valid, and all but `domain` not used by anybody else. `unmap` need not be
/// initialised.
#[export]
pub(crate) unsafe extern "C" fn __iommu_debug_unmap_plan(
    domain: *mut bindings::iommu_domain,
    iova: usize,
    pgsize: *mut usize,
    count: *mut usize,
    unmap: *mut bindings::iommu_debug_unmap,
) {
    let pending = unmap.cast::<PendingUnmap>();
    // SAFETY: By the safety requirement; size and alignment are checked above.
    let pending = unsafe {
        pending.write(PendingUnmap::new());
        &mut *pending
    };
    // SAFETY: By the safety requirement.
    let (granule, bitmap) = unsafe { (granule_of(domain), (*domain).pgsize_bitmap as u64) };
    let Some(granule) = granule else {
        return;
    };
    // SAFETY: By the safety requirement.
    let asked = unsafe {
        Unit {
            pgsize: *pgsize as u64,
            count: *count as u64,
        }
    };
    let planned = pending.plan(iova as u64, asked, bitmap, granule, |iova| {
        // SAFETY: The domain is valid and paging, or nobody would unmap from it.
        unsafe { translate(domain, iova) }
    });
    // SAFETY: By the safety requirement.
    // CAST: Their product is no larger than what came in, so neither of them is wider.
    unsafe {
        *pgsize = planned.pgsize as usize;
        *count = planned.count as usize;
    }
}

/// The driver has unmapped `unmapped` bytes at `iova`. Returns how much of the addresses that is.
///
/// # Safety
///
/// `domain` and `unmap` must be valid, and `unmap` the one that `__iommu_debug_unmap_plan` filled.
#[export]
pub(crate) unsafe extern "C" fn __iommu_debug_unmap_settle(
    domain: *mut bindings::iommu_domain,
    iova: usize,
    unmap: *mut bindings::iommu_debug_unmap,
    unmapped: usize,
) -> usize {
    // SAFETY: By the safety requirement; `__iommu_debug_unmap_plan` has initialised it.
    let pending = unsafe { &*unmap.cast::<PendingUnmap>() };
    // SAFETY: By the safety requirement.
    let Some(granule) = (unsafe { granule_of(domain) }) else {
        return unmapped;
    };
    // SAFETY: The domain is valid and paging, or nobody would unmap from it.
    let translate = |iova| unsafe { translate(domain, iova) };
    let gone = |run: Run| {
        let mut underflow = Findings::new();
        {
            let counts = PageCounts::lock_at(run.first());
            Ledger::new(&counts).unmap(run, granule, &mut underflow);
        }
        match underflow.spans() {
            Some(underflow) if !PendingUnmap::may_be_gap(run) => report::underflow(underflow),
            _ => (),
        }
        origins::unmapped(run);
    };
    let gone = pending.settle(iova as u64, unmapped as u64, granule, translate, gone);
    // CAST: No more than what came in.
    gone as usize
}

/// An unmap of `size` bytes has removed more.
///
/// The counts are right: leaves are told of as they are. The DMA API unmaps what it has mapped, so
/// a driver has got the length wrong there; others may find out in this way how large a leaf is.
///
/// # Safety
///
/// `domain` must point to a valid domain.
#[cold]
#[export]
pub(crate) unsafe extern "C" fn __iommu_debug_unmap_oversized(
    domain: *mut bindings::iommu_domain,
    iova: usize,
    size: usize,
    unmapped: usize,
) {
    // SAFETY: By the safety requirement.
    if unsafe { (*domain).type_ } & bindings::__IOMMU_DOMAIN_DMA_API == 0 {
        return;
    }
    let number = if origins::are_kept() {
        // SAFETY: By the safety requirement.
        unsafe { origins::domains::number(domain) }
    } else {
        0
    };
    report::oversized(number, iova as u64, size as u64, unmapped as u64);
}
