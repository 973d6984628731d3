// SPDX-License-Identifier: GPL-2.0-only

//! The simplest page table there is: one array, which never refuses a map.
//!
//! Spreadtrum's IOMMU has one like it (`drivers/iommu/sprd-iommu.c`); those of Tegra and s390 have
//! levels, and write over live entries as well. Virtio-iommu takes both, and goes by the first.

use core::{
    cell::Cell,
    ptr::NonNull, //
};

use kernel::{
    bindings,
    page::{
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*, //
};

use super::super::Pages;

const ENTRIES: usize = 64;

/// Which translation counts where a live entry is mapped again.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Goes {
    ByTheFirst,
    ByTheLast,
}

/// One domain. The core's pointer to the domain leads back here: it lies at offset 0.
#[repr(C)]
struct Table {
    domain: bindings::iommu_domain,
    goes: Goes,
    /// Physical addresses, 0 for none.
    entries: [Cell<bindings::phys_addr_t>; ENTRIES],
    /// Freed in the middle of the next change of an entry.
    meanwhile: Cell<Option<Pages>>,
}

/// Allocates a domain with an empty page table.
///
/// It is owned by the caller, who gives it back with `iommu_domain_free()`.
pub(super) fn alloc(goes: Goes) -> Result<NonNull<bindings::iommu_domain>> {
    let domain = bindings::iommu_domain {
        type_: bindings::__IOMMU_DOMAIN_PAGING,
        ops: &DOMAIN_OPS,
        pgsize_bitmap: PAGE_SIZE,
        geometry: bindings::iommu_domain_geometry {
            aperture_start: 0,
            aperture_end: (ENTRIES * PAGE_SIZE - 1) as bindings::dma_addr_t,
            force_aperture: true,
        },
        ..pin_init::zeroed()
    };
    let entries = [const { Cell::new(0) }; ENTRIES];
    let table = KBox::new(
        Table {
            domain,
            goes,
            entries,
            meanwhile: Cell::new(None),
        },
        GFP_KERNEL,
    )?;
    NonNull::new(KBox::into_raw(table).cast()).ok_or(ENOMEM)
}

/// Has `pages` freed in the middle of the next map or unmap, as by another thread: when the device can reach memory
/// already, or can reach it still.
///
/// Fails with [`EOPNOTSUPP`] if the domain is of another kind.
///
/// # Safety
///
/// `domain` must be valid, and not be used by anybody else meanwhile.
pub(super) unsafe fn free_meanwhile(
    domain: NonNull<bindings::iommu_domain>,
    pages: Pages,
) -> Result {
    // SAFETY: By the safety requirements.
    if !core::ptr::eq(unsafe { (*domain.as_ptr()).ops }, &DOMAIN_OPS) {
        return Err(EOPNOTSUPP);
    }
    // SAFETY: Only domains of `alloc()` have these operations.
    let table = unsafe { domain.cast::<Table>().as_ref() };
    table.meanwhile.set(Some(pages));
    Ok(())
}

static DOMAIN_OPS: bindings::iommu_domain_ops = bindings::iommu_domain_ops {
    map_pages: Some(map_pages),
    unmap_pages: Some(unmap_pages),
    iova_to_phys: Some(iova_to_phys),
    free: Some(free),
    ..pin_init::zeroed()
};

/// The table of a domain.
///
/// # Safety
///
/// `domain` must come from [`alloc()`], must not be used by anybody else meanwhile, and must live
/// for `'a`.
unsafe fn table<'a>(domain: *mut bindings::iommu_domain) -> &'a Table {
    // SAFETY: By the safety requirements; the domain is where its table begins.
    unsafe { &*domain.cast::<Table>() }
}

impl Table {
    /// The entries for `pages` pages from `iova` on, as many of them as there are.
    fn entries(&self, iova: usize, pages: usize) -> &[Cell<bindings::phys_addr_t>] {
        let first = (iova >> PAGE_SHIFT).min(ENTRIES);
        let last = first.saturating_add(pages).min(ENTRIES);
        &self.entries[first..last]
    }
}

/// `iommu_domain_ops::map_pages`: succeeds, whatever was there.
///
/// # Safety
///
/// As for [`table()`]; `mapped` must be valid.
unsafe extern "C" fn map_pages(
    domain: *mut bindings::iommu_domain,
    iova: c_ulong,
    phys: bindings::phys_addr_t,
    _pgsize: usize,
    pgcount: usize,
    _prot: c_int,
    _gfp: bindings::gfp_t,
    mapped: *mut usize,
) -> c_int {
    // SAFETY: By the safety requirements.
    let table = unsafe { table(domain) };
    let entries = table.entries(iova, pgcount);
    for (index, entry) in entries.iter().enumerate() {
        if entry.get() == 0 || table.goes == Goes::ByTheLast {
            entry.set(phys + (index * PAGE_SIZE) as bindings::phys_addr_t);
        }
    }
    drop(table.meanwhile.take());
    // SAFETY: By the safety requirements.
    unsafe { *mapped = entries.len() * PAGE_SIZE };
    0
}

/// `iommu_domain_ops::unmap_pages`.
///
/// # Safety
///
/// As for [`table()`].
unsafe extern "C" fn unmap_pages(
    domain: *mut bindings::iommu_domain,
    iova: c_ulong,
    _pgsize: usize,
    pgcount: usize,
    _gather: *mut bindings::iommu_iotlb_gather,
) -> usize {
    // SAFETY: By the safety requirements.
    let table = unsafe { table(domain) };
    drop(table.meanwhile.take());
    let live = table
        .entries(iova, pgcount)
        .iter()
        .take_while(|entry| entry.replace(0) != 0);
    live.count() * PAGE_SIZE
}

/// `iommu_domain_ops::iova_to_phys`.
///
/// # Safety
///
/// As for [`table()`].
unsafe extern "C" fn iova_to_phys(
    domain: *mut bindings::iommu_domain,
    iova: bindings::dma_addr_t,
) -> bindings::phys_addr_t {
    // SAFETY: By the safety requirements.
    let table = unsafe { table(domain) };
    // CAST: Addresses of the table are small.
    let entries = table.entries(iova as usize, 1);
    entries.first().map_or(0, Cell::get)
}

/// `iommu_domain_ops::free`.
///
/// # Safety
///
/// `domain` must come from [`alloc()`], and must not be used afterwards.
unsafe extern "C" fn free(domain: *mut bindings::iommu_domain) {
    // SAFETY: It comes from `KBox::into_raw()` in `alloc()`, and by the safety requirements this
    // is its end.
    drop(unsafe { KBox::from_raw(domain.cast::<Table>()) });
}
