// SPDX-License-Identifier: GPL-2.0-only

//! Translations that come.

use crate::{
    engine::{Ledger, Run},
    report,
    store::{granule_of, phys_addr, PageCounts}, //
};
use kernel::{
    bindings,
    prelude::*, //
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
        let saturated = Ledger::new(&PageCounts::lock()).map_begin(run, granule);
        if let Some(saturated) = saturated {
            report::overflow(&saturated);
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
        let underflow = Ledger::new(&PageCounts::lock()).map_end(run, mapped as u64, granule);
        if let Some(underflow) = underflow {
            report::underflow(&underflow);
        }
    }
}
