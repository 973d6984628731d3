// SPDX-License-Identifier: GPL-2.0-only

//! Switched on from the kernel command line, or not there at all.

use crate::origins::domains;
use kernel::{
    bindings,
    error::to_result,
    ffi::{c_char, c_int, c_uint},
    prelude::*,
    str::CStr,
    sync::atomic::{Atomic, Relaxed}, //
};

/// Whether the command line asks for the sanitizer.
static NEEDED: Atomic<bool> = Atomic::new(false);
/// Whether it asks for the origins of mappings.
static ORIGINS: Atomic<bool> = Atomic::new(false);
/// Of how many maps one is remembered.
static SAMPLE: Atomic<u32> = Atomic::new(1);
/// Whether a report is followed by a panic.
static PANIC: Atomic<bool> = Atomic::new(false);
/// How many pages are kept from being recycled, at most.
static QUARANTINE: Atomic<u32> = Atomic::new(0);
/// How many reports are printed at most; 0: no limit.
static REPORTS: Atomic<u32> = Atomic::new(0);

/// Whether every page needs a count.
pub(crate) extern "C" fn is_needed() -> bool {
    NEEDED.load(Relaxed)
}

/// Whether every page needs a place for its origins.
pub(crate) extern "C" fn wants_origins() -> bool {
    is_needed() && ORIGINS.load(Relaxed)
}

/// Of how many maps one is remembered.
pub(crate) fn sample() -> u32 {
    SAMPLE.load(Relaxed)
}

/// How many pages are kept from being recycled, at most.
pub(crate) fn quarantine() -> u32 {
    QUARANTINE.load(Relaxed)
}

/// How many reports are printed at most; 0: no limit.
pub(crate) fn reports() -> u32 {
    REPORTS.load(Relaxed)
}

/// Panics if the command line asks for that.
pub(crate) fn panic_if_wanted() {
    if PANIC.load(Relaxed) {
        // SAFETY: The format asks for nothing.
        unsafe { bindings::panic(c"iommu.debug_pagealloc.fault=panic\n".as_char_ptr()) };
    }
}

/// Parses the value of `iommu.debug_pagealloc`.
///
/// # Safety
///
/// `value` must be null or point to a string that ends with a null character.
#[export]
pub(crate) unsafe extern "C" fn iommu_debug_pagealloc_setup(value: *mut c_char) -> c_int {
    // SAFETY: By the safety requirement.
    unsafe { setup_bool(value, &NEEDED) }
}

/// Parses the value of `iommu.debug_pagealloc.origins`.
///
/// # Safety
///
/// As for [`iommu_debug_pagealloc_setup`].
#[export]
pub(crate) unsafe extern "C" fn iommu_debug_origins_setup(value: *mut c_char) -> c_int {
    // SAFETY: By the safety requirement.
    unsafe { setup_bool(value, &ORIGINS) }
}

/// Parses the value of `iommu.debug_pagealloc.sample`.
///
/// # Safety
///
/// As for [`iommu_debug_pagealloc_setup`].
#[export]
pub(crate) unsafe extern "C" fn iommu_debug_sample_setup(value: *mut c_char) -> c_int {
    // SAFETY: By the safety requirement.
    unsafe { setup_number(value, &SAMPLE) }
}

/// Parses the value of `iommu.debug_pagealloc.quarantine`.
///
/// # Safety
///
/// As for [`iommu_debug_pagealloc_setup`].
#[export]
pub(crate) unsafe extern "C" fn iommu_debug_quarantine_setup(value: *mut c_char) -> c_int {
    // SAFETY: By the safety requirement.
    unsafe { setup_number(value, &QUARANTINE) }
}

/// Parses the value of `iommu.debug_pagealloc.reports`.
///
/// # Safety
///
/// As for [`iommu_debug_pagealloc_setup`].
#[export]
pub(crate) unsafe extern "C" fn iommu_debug_reports_setup(value: *mut c_char) -> c_int {
    // SAFETY: By the safety requirement.
    unsafe { setup_number(value, &REPORTS) }
}

/// Parses the value of `iommu.debug_pagealloc.fault`.
///
/// # Safety
///
/// As for [`iommu_debug_pagealloc_setup`].
#[export]
pub(crate) unsafe extern "C" fn iommu_debug_fault_setup(value: *mut c_char) -> c_int {
    if value.is_null() {
        return EINVAL.to_errno();
    }
    // SAFETY: By the safety requirement.
    let panic = match unsafe { CStr::from_char_ptr(value) }.to_bytes() {
        b"report" => false,
        b"panic" => true,
        _ => return EINVAL.to_errno(),
    };
    PANIC.store(panic, Relaxed);
    0
}

/// # Safety
///
/// As for [`iommu_debug_pagealloc_setup`].
unsafe fn setup_bool(value: *mut c_char, to: &Atomic<bool>) -> c_int {
    let mut parsed = false;
    // SAFETY: By the safety requirement, and `kstrtobool` takes null for an answer.
    let error = unsafe { bindings::kstrtobool(value, &mut parsed) };
    if to_result(error).is_ok() {
        to.store(parsed, Relaxed);
    }
    error
}

/// # Safety
///
/// As for [`iommu_debug_pagealloc_setup`].
unsafe fn setup_number(value: *mut c_char, to: &Atomic<u32>) -> c_int {
    let mut parsed: c_uint = 0;
    if value.is_null() {
        return EINVAL.to_errno();
    }
    // SAFETY: By the safety requirement.
    let error = unsafe { bindings::kstrtouint(value, 0, &mut parsed) };
    if to_result(error).is_ok() {
        to.store(parsed, Relaxed);
    }
    error
}

/// Turns the hooks on if the command line asks for them.
///
/// # Safety
///
/// Always safe to call.
#[export]
pub(crate) unsafe extern "C" fn iommu_debug_init() {
    if !is_needed() {
        return;
    }
    pr_info!("Debugging page allocations, expect overhead or disable iommu.debug_pagealloc\n");
    let origins = wants_origins();
    if origins {
        domains::init();
    }
    // SAFETY: No requirements.
    unsafe { bindings::iommu_debug_switch_on(origins, quarantine() != 0) };
}
