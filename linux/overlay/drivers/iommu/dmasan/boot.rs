// SPDX-License-Identifier: GPL-2.0-only

//! Switched on from the kernel command line, or not there at all.

use kernel::{
    bindings,
    error::to_result,
    ffi::{c_char, c_int},
    prelude::*,
    sync::atomic::{Atomic, Relaxed}, //
};

/// Whether the command line asks for the sanitizer.
static NEEDED: Atomic<bool> = Atomic::new(false);

/// Whether every page needs a count.
pub(crate) extern "C" fn is_needed() -> bool {
    NEEDED.load(Relaxed)
}

/// Parses the value of `iommu.debug_pagealloc`.
///
/// # Safety
///
/// `value` must be null or point to a string that ends with a null character.
#[export]
pub(crate) unsafe extern "C" fn iommu_debug_pagealloc_setup(value: *mut c_char) -> c_int {
    let mut needed = false;
    // SAFETY: By the safety requirement, and `kstrtobool` takes null for an answer.
    let error = unsafe { bindings::kstrtobool(value, &mut needed) };
    if to_result(error).is_ok() {
        NEEDED.store(needed, Relaxed);
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
    // SAFETY: No requirements.
    unsafe { bindings::iommu_debug_switch_on() };
}
