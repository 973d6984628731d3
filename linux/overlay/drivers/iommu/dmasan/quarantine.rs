// SPDX-License-Identifier: GPL-2.0-only

//! Pages that were freed while they were mapped: nobody gets them for as long as they are.
//!
//! So their new owner cannot be hurt, and what the device has written stays to be seen. How many
//! pages are kept is limited; the rest is freed as ever.

use crate::{
    boot,
    check::__iommu_debug_check_unmapped,
    engine::{Ledger, PageRange, Pfn},
    store::PageCounts, //
};
use kernel::{
    bindings,
    ffi::{c_int, c_uint},
    prelude::*,
    sync::atomic::{Acquire, Atomic, Full, Relaxed}, //
};

/// Blocks of pages that are kept at a time, at most.
const BLOCKS: usize = 256;

/// Blocks that are kept, see [`Kept`]; 0: none.
static KEPT: [Atomic<u64>; BLOCKS] = [const { Atomic::new(0) }; BLOCKS];
/// Pages that are kept.
static PAGES: Atomic<u64> = Atomic::new(0);

/// A block of pages, as a number that is not 0.
#[derive(Clone, Copy)]
struct Kept(u64);

impl Kept {
    fn new(pfn: u64, order: c_uint) -> Self {
        Self(pfn << 8 | u64::from(order) << 1 | 1)
    }

    fn pages(self) -> u64 {
        1 << (self.0 >> 1 & 0x7f)
    }

    fn first(self) -> Pfn {
        Pfn(self.0 >> 8)
    }

    /// Whether a device can reach any of it.
    fn is_mapped(self) -> bool {
        let mut is_mapped = false;
        if let Some(pages) = PageRange::from_count(self.first(), self.pages()) {
            let counts = PageCounts::lock_from(pages.first());
            Ledger::new(&counts).for_each_mapped(pages, |_, _| is_mapped = true);
        }
        is_mapped
    }
}

/// Pages that are kept at the moment.
pub(crate) fn pages() -> u64 {
    PAGES.load(Relaxed)
}

/// Whether pages that are being freed are kept instead. They are checked in any case.
///
/// # Safety
///
/// `page` must be the first of `1 << order` pages that are being freed.
#[export]
pub(crate) unsafe extern "C" fn __iommu_debug_quarantine(
    page: *mut bindings::page,
    order: c_uint,
) -> bool {
    // SAFETY: By the safety requirement.
    // CAST: No more than the largest order of the page allocator.
    unsafe { __iommu_debug_check_unmapped(page, 1 << order as c_int, true) };
    // SAFETY: By the safety requirement.
    let pfn = unsafe { bindings::page_to_pfn(page) } as u64;
    let kept = Kept::new(pfn, order);
    if !kept.is_mapped() {
        return false;
    }
    let pages = kept.pages();
    if PAGES.fetch_add(pages, Relaxed) + pages <= u64::from(boot::quarantine()) {
        // Whoever sees it among the kept ones may free it again at once.
        //
        // SAFETY: Nobody else has the pages.
        unsafe { bindings::iommu_debug_hold(page, true) };
        if KEPT
            .iter()
            .any(|slot| slot.cmpxchg(0, kept.0, Full).is_ok())
        {
            // SAFETY: No requirements.
            unsafe { bindings::iommu_debug_release_later() };
            return true;
        }
        // SAFETY: As above.
        unsafe { bindings::iommu_debug_hold(page, false) };
    }
    PAGES.fetch_sub(pages, Relaxed);
    false
}

/// Frees what devices cannot reach any more. Returns whether anything is left.
///
/// # Safety
///
/// To be called by one at a time, where memory may be freed.
#[export]
pub(crate) unsafe extern "C" fn iommu_debug_release_kept() -> bool {
    let mut is_left = false;
    for slot in &KEPT {
        let kept = Kept(slot.load(Acquire));
        if kept.0 == 0 {
            continue;
        }
        if kept.is_mapped() {
            is_left = true;
            continue;
        }
        slot.store(0, Relaxed);
        PAGES.fetch_sub(kept.pages(), Relaxed);
        // SAFETY: The pages were kept with one reference, which is given back; nobody else takes
        // anything out of the slots.
        // CAST: What came in as a number of a page and as an order.
        unsafe { bindings::iommu_debug_free(kept.first().0 as usize, kept.pages().ilog2()) };
    }
    is_left
}
