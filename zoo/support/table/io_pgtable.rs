// SPDX-License-Identifier: GPL-2.0-only

//! Page tables of the kernel's io-pgtable code (Arm).
//!
//! C header: [`include/linux/io-pgtable.h`](srctree/include/linux/io-pgtable.h)

use core::ptr::{
    self,
    NonNull, //
};

use kernel::{
    bindings,
    prelude::*,
    sizes::{
        SZ_16M,
        SZ_1G,
        SZ_1M,
        SZ_2M,
        SZ_4K,
        SZ_512M,
        SZ_64K, //
    },
    types::Opaque, //
};

// `IO_PGTABLE_QUIRK_*`, which are macros that make no bindings.
const NO_PERMS: usize = 1 << 1;
const ARM_MTK_EXT: usize = 1 << 3;
const ARM_MTK_TTBR_EXT: usize = 1 << 4;
const NO_WARN: usize = 1 << 9;

/// The formats of this family.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// The long-descriptor format of AArch64, first stage.
    Lpae,
    /// The short-descriptor format, in MediaTek's larger edition.
    V7s,
}

/// One domain of an IOMMU driver. The core's pointer to the domain leads back here: it lies at
/// offset 0.
#[repr(C)]
struct Table {
    domain: bindings::iommu_domain,
    ops: NonNull<bindings::io_pgtable_ops>,
    /// The IOMMU, of which nothing is asked but on which node of memory it sits.
    iommu: KBox<Opaque<bindings::device>>,
}

/// Allocates a domain with an empty page table that knows no pages below `smallest` bytes.
///
/// It is owned by the caller, who gives it back with `iommu_domain_free()`.
pub(super) fn alloc(kind: Kind, smallest: usize) -> Result<NonNull<bindings::iommu_domain>> {
    let iommu = KBox::new(Opaque::<bindings::device>::zeroed(), GFP_KERNEL)?;
    let (format, mut cfg) = config(kind, smallest);
    cfg.iommu_dev = iommu.get();
    // SAFETY: The configuration is valid for the call, and the device longer than the table.
    let ops = unsafe { bindings::alloc_io_pgtable_ops(format, &mut cfg, ptr::null_mut()) };
    let ops = NonNull::new(ops).ok_or(ENOMEM)?;

    let domain = bindings::iommu_domain {
        type_: bindings::__IOMMU_DOMAIN_PAGING,
        ops: &DOMAIN_OPS,
        pgsize_bitmap: cfg.pgsize_bitmap & !(smallest - 1),
        geometry: bindings::iommu_domain_geometry {
            aperture_start: 0,
            aperture_end: (1 << cfg.ias) - 1,
            force_aperture: true,
        },
        ..pin_init::zeroed()
    };
    let table = KBox::new(Table { domain, ops, iommu }, GFP_KERNEL).inspect_err(|_| {
        // SAFETY: The table is new, and nobody else knows of it.
        unsafe { bindings::free_io_pgtable_ops(ops.as_ptr()) }
    })?;
    NonNull::new(KBox::into_raw(table).cast()).ok_or(ENOMEM)
}

/// What is asked of the table.
///
/// All walks snoop the CPU's caches, and there is no IOTLB, hence no operations for one. The long
/// descriptors are those of an SMMUv3, with a granule of 64K if that is what `smallest` asks for,
/// and else of 4K. The short ones can translate to 32 bits of physical
/// addresses only, and want their own tables there as well, unless they are MediaTek's.
fn config(kind: Kind, smallest: usize) -> (bindings::io_pgtable_fmt, bindings::io_pgtable_cfg) {
    let common = bindings::io_pgtable_cfg {
        coherent_walk: true,
        ..pin_init::zeroed()
    };
    match kind {
        Kind::Lpae => (
            bindings::io_pgtable_fmt_ARM_64_LPAE_S1,
            bindings::io_pgtable_cfg {
                quirks: NO_WARN,
                pgsize_bitmap: match smallest {
                    SZ_64K => SZ_64K | SZ_512M,
                    _ => SZ_4K | SZ_2M | SZ_1G,
                },
                ias: 48,
                oas: 48,
                ..common
            },
        ),
        Kind::V7s => (
            bindings::io_pgtable_fmt_ARM_V7S,
            bindings::io_pgtable_cfg {
                quirks: NO_PERMS | ARM_MTK_EXT | ARM_MTK_TTBR_EXT,
                pgsize_bitmap: SZ_4K | SZ_64K | SZ_1M | SZ_16M,
                ias: 34,
                oas: 35,
                ..common
            },
        ),
    }
}

static DOMAIN_OPS: bindings::iommu_domain_ops = bindings::iommu_domain_ops {
    map_pages: Some(map_pages),
    unmap_pages: Some(unmap_pages),
    iova_to_phys: Some(iova_to_phys),
    io_pgtable: Some(io_pgtable),
    free: Some(free),
    ..pin_init::zeroed()
};

/// `iommu_domain_ops::io_pgtable`: the page table of a domain.
///
/// # Safety
///
/// `domain` must come from [`alloc()`].
unsafe extern "C" fn io_pgtable(
    domain: *mut bindings::iommu_domain,
) -> *mut bindings::io_pgtable_ops {
    // SAFETY: By the safety requirements.
    unsafe { (*domain.cast::<Table>()).ops.as_ptr() }
}

/// `iommu_domain_ops::map_pages`.
///
/// # Safety
///
/// `domain` must come from [`alloc()`], and `mapped` must be valid.
unsafe extern "C" fn map_pages(
    domain: *mut bindings::iommu_domain,
    iova: c_ulong,
    phys: bindings::phys_addr_t,
    pgsize: usize,
    pgcount: usize,
    prot: c_int,
    gfp: bindings::gfp_t,
    mapped: *mut usize,
) -> c_int {
    // SAFETY: By the safety requirements.
    let ops = unsafe { io_pgtable(domain) };
    // SAFETY: The operations of a table are never null, and take what the domain's take.
    unsafe {
        (*ops).map_pages.map_or(EINVAL.to_errno(), |map| {
            map(ops, iova, phys, pgsize, pgcount, prot, gfp, mapped)
        })
    }
}

/// `iommu_domain_ops::unmap_pages`.
///
/// # Safety
///
/// `domain` must come from [`alloc()`], and `gather` must be valid or null.
unsafe extern "C" fn unmap_pages(
    domain: *mut bindings::iommu_domain,
    iova: c_ulong,
    pgsize: usize,
    pgcount: usize,
    gather: *mut bindings::iommu_iotlb_gather,
) -> usize {
    // SAFETY: By the safety requirements.
    let ops = unsafe { io_pgtable(domain) };
    // SAFETY: As in `map_pages()`.
    unsafe {
        (*ops)
            .unmap_pages
            .map_or(0, |unmap| unmap(ops, iova, pgsize, pgcount, gather))
    }
}

/// `iommu_domain_ops::iova_to_phys`.
///
/// # Safety
///
/// `domain` must come from [`alloc()`].
unsafe extern "C" fn iova_to_phys(
    domain: *mut bindings::iommu_domain,
    iova: bindings::dma_addr_t,
) -> bindings::phys_addr_t {
    // SAFETY: By the safety requirements.
    let ops = unsafe { io_pgtable(domain) };
    // SAFETY: As in `map_pages()`.
    // CAST: Page tables take an `unsigned long`.
    unsafe {
        (*ops)
            .iova_to_phys
            .map_or(0, |translate| translate(ops, iova as c_ulong))
    }
}

/// `iommu_domain_ops::free`: takes the table down, whatever it still holds.
///
/// # Safety
///
/// `domain` must come from [`alloc()`], and must not be used afterwards.
unsafe extern "C" fn free(domain: *mut bindings::iommu_domain) {
    // SAFETY: It comes from `KBox::into_raw()` in `alloc()`, and by the safety requirements this
    // is its end.
    let table = unsafe { KBox::from_raw(domain.cast::<Table>()) };
    // SAFETY: No hardware walks the table.
    unsafe { bindings::free_io_pgtable_ops(table.ops.as_ptr()) };
}
