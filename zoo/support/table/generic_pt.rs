// SPDX-License-Identifier: GPL-2.0-only

//! Page tables of the kernel's generic page table code (AMD, VT-d, RISC-V, x86-64).
//!
//! C header: [`include/linux/generic_pt/iommu.h`](srctree/include/linux/generic_pt/iommu.h)

use core::ptr::NonNull;

use kernel::{
    bindings,
    error::to_result,
    prelude::*,
    static_lock_class,
    types::Opaque, //
};

/// The formats of this family.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// AMD IOMMU v1.
    Amdv1,
    /// Intel VT-d second stage.
    Vtdss,
    /// RISC-V Sv48.
    Riscv64,
    /// The CPU's own x86-64 format.
    X86_64,
}

/// One domain of an IOMMU driver: the page table, and the lock that guards its top.
///
/// The generic code hands out pointers to the `iommu_domain` or to the `pt_iommu`, and both must
/// lead back here: all of them lie at offset 0.
#[repr(C)]
struct Table {
    layout: Opaque<Layout>,
    top_lock: Opaque<bindings::spinlock_t>,
}

/// The table of whichever format; all of them begin with a `pt_iommu`.
#[repr(C)]
union Layout {
    iommu: bindings::pt_iommu,
    amdv1: bindings::pt_iommu_amdv1,
    vtdss: bindings::pt_iommu_vtdss,
    riscv64: bindings::pt_iommu_riscv_64,
    x86_64: bindings::pt_iommu_x86_64,
}

// SAFETY: All-zero is how C code obtains these structures from `kzalloc()`.
unsafe impl pin_init::Zeroable for Layout {}

/// Allocates a domain with an empty page table that knows no pages below `smallest` bytes.
///
/// It is owned by the caller, who gives it back with `iommu_domain_free()`.
pub(super) fn alloc(kind: Kind, smallest: usize) -> Result<NonNull<bindings::iommu_domain>> {
    let table = KBox::new(
        Table {
            layout: Opaque::zeroed(),
            top_lock: Opaque::uninit(),
        },
        GFP_KERNEL,
    )?;
    // SAFETY: The lock has its final address, as the box is never moved out of.
    unsafe {
        bindings::__spin_lock_init(
            table.top_lock.get(),
            c"zoo_top_lock".as_char_ptr(),
            static_lock_class!().as_ptr(),
        )
    };

    let iommu: *mut bindings::pt_iommu = table.layout.get().cast();
    // SAFETY: `iommu` points into the box, which nobody else knows of yet.
    unsafe {
        (*iommu).domain.ops = domain_ops(kind);
        (*iommu).driver_ops = &raw const DRIVER_OPS;
        (*iommu).nid = bindings::NUMA_NO_NODE;
    }
    // SAFETY: The table is zeroed but for the members that the caller of an init function sets.
    to_result(unsafe { init(kind, table.layout.get()) })?;
    // SAFETY: As above; the init function has set the page sizes.
    unsafe { (*iommu).domain.pgsize_bitmap &= !(smallest - 1) };

    let domain: *mut bindings::iommu_domain = KBox::into_raw(table).cast();
    NonNull::new(domain).ok_or(ENOMEM)
}

/// Calls the format's init function.
///
/// What is asked of the table is what today's IOMMUs have: 48 bits of IOVA (64 on AMD), page
/// table walks that snoop the CPU's caches, and every leaf size of the format.
///
/// # Safety
///
/// `layout` must be zeroed but for `domain.ops`, `driver_ops` and `nid`.
unsafe fn init(kind: Kind, layout: *mut Layout) -> c_int {
    const fn common(features: u32, iova_bits: u8, phys_bits: u8) -> bindings::pt_iommu_cfg {
        bindings::pt_iommu_cfg {
            features,
            hw_max_vasz_lg2: iova_bits,
            hw_max_oasz_lg2: phys_bits,
        }
    }

    let gfp = bindings::GFP_KERNEL;
    match kind {
        Kind::Amdv1 => {
            let cfg = bindings::pt_iommu_amdv1_cfg {
                common: common(
                    1 << bindings::pt_features_PT_FEAT_DYNAMIC_TOP
                        | 1 << bindings::PT_FEAT_AMDV1_ENCRYPT_TABLES
                        | 1 << bindings::PT_FEAT_AMDV1_FORCE_COHERENCE
                        | 1 << bindings::pt_features_PT_FEAT_FLUSH_RANGE,
                    64,
                    52,
                ),
                starting_level: 2,
            };
            // SAFETY: By the safety requirements.
            unsafe { bindings::pt_iommu_amdv1_init(layout.cast(), &cfg, gfp) }
        }
        Kind::Vtdss => {
            let cfg = bindings::pt_iommu_vtdss_cfg {
                common: common(1 << bindings::pt_features_PT_FEAT_FLUSH_RANGE, 48, 52),
                top_level: 3,
            };
            // SAFETY: By the safety requirements.
            unsafe { bindings::pt_iommu_vtdss_init(layout.cast(), &cfg, gfp) }
        }
        Kind::Riscv64 => {
            let cfg = bindings::pt_iommu_riscv_64_cfg {
                common: common(
                    1 << bindings::pt_features_PT_FEAT_SIGN_EXTEND
                        | 1 << bindings::pt_features_PT_FEAT_FLUSH_RANGE
                        | 1 << bindings::pt_features_PT_FEAT_DETAILED_GATHER
                        | 1 << bindings::PT_FEAT_RISCV_SVNAPOT_64K,
                    48,
                    56,
                ),
            };
            // SAFETY: By the safety requirements.
            unsafe { bindings::pt_iommu_riscv_64_init(layout.cast(), &cfg, gfp) }
        }
        Kind::X86_64 => {
            let cfg = bindings::pt_iommu_x86_64_cfg {
                common: common(
                    1 << bindings::pt_features_PT_FEAT_SIGN_EXTEND
                        | 1 << bindings::pt_features_PT_FEAT_FLUSH_RANGE_NO_GAPS,
                    48,
                    52,
                ),
                top_level: 3,
            };
            // SAFETY: By the safety requirements.
            unsafe { bindings::pt_iommu_x86_64_init(layout.cast(), &cfg, gfp) }
        }
    }
}

type IovaToPhys = unsafe extern "C" fn(
    *mut bindings::iommu_domain,
    bindings::dma_addr_t,
) -> bindings::phys_addr_t;

const fn domain_ops_with(iova_to_phys: IovaToPhys) -> bindings::iommu_domain_ops {
    bindings::iommu_domain_ops {
        iova_to_phys: Some(iova_to_phys),
        iotlb_sync: Some(iotlb_sync),
        free: Some(free),
        ..pin_init::zeroed()
    }
}

/// The operations of a domain of this format.
fn domain_ops(kind: Kind) -> *const bindings::iommu_domain_ops {
    static AMDV1: bindings::iommu_domain_ops =
        domain_ops_with(bindings::pt_iommu_amdv1_iova_to_phys);
    static VTDSS: bindings::iommu_domain_ops =
        domain_ops_with(bindings::pt_iommu_vtdss_iova_to_phys);
    static RISCV64: bindings::iommu_domain_ops =
        domain_ops_with(bindings::pt_iommu_riscv_64_iova_to_phys);
    static X86_64: bindings::iommu_domain_ops =
        domain_ops_with(bindings::pt_iommu_x86_64_iova_to_phys);

    match kind {
        Kind::Amdv1 => &raw const AMDV1,
        Kind::Vtdss => &raw const VTDSS,
        Kind::Riscv64 => &raw const RISCV64,
        Kind::X86_64 => &raw const X86_64,
    }
}

extern "C" {
    /// Frees the pages of tables that an unmap has emptied.
    ///
    /// Declared in `drivers/iommu/iommu-pages.h`, which only IOMMU drivers include.
    fn iommu_put_pages_list(list: *mut bindings::iommu_pages_list);
}

/// `iommu_domain_ops::iotlb_sync`: there is no IOTLB, so tables that became empty can go at once.
///
/// # Safety
///
/// `gather` must be valid, and its list must be initialised anew before it is used again.
unsafe extern "C" fn iotlb_sync(
    _domain: *mut bindings::iommu_domain,
    gather: *mut bindings::iommu_iotlb_gather,
) {
    // SAFETY: By the safety requirements.
    unsafe { iommu_put_pages_list(&raw mut (*gather).freelist) }
}

/// `iommu_domain_ops::free`: takes the table down, whatever it still holds.
///
/// # Safety
///
/// `domain` must come from [`alloc()`], and must not be used afterwards.
unsafe extern "C" fn free(domain: *mut bindings::iommu_domain) {
    let iommu: *mut bindings::pt_iommu = domain.cast();
    // SAFETY: By the safety requirements, it is the start of an initialised `pt_iommu`.
    if let Some(deinit) = unsafe { (*(*iommu).ops).deinit } {
        // SAFETY: As above; no hardware walks the table.
        unsafe { deinit(iommu) };
    }
    // SAFETY: It comes from `KBox::into_raw()` in `alloc()`, and by the safety requirements this
    // is its end.
    drop(unsafe { KBox::from_raw(domain.cast::<Table>()) });
}

static DRIVER_OPS: bindings::pt_iommu_driver_ops = bindings::pt_iommu_driver_ops {
    change_top: Some(change_top),
    get_top_lock: Some(get_top_lock),
};

/// `pt_iommu_driver_ops::change_top`: there is no hardware to be told of the new top.
///
/// # Safety
///
/// None; that it is unsafe is the type of the callback.
unsafe extern "C" fn change_top(
    _iommu: *mut bindings::pt_iommu,
    _top: bindings::phys_addr_t,
    _level: c_uint,
) {
}

/// `pt_iommu_driver_ops::get_top_lock`.
///
/// # Safety
///
/// `iommu` must be the start of a [`Table`].
unsafe extern "C" fn get_top_lock(iommu: *mut bindings::pt_iommu) -> *mut bindings::spinlock_t {
    let table: *mut Table = iommu.cast();
    // SAFETY: By the safety requirements.
    unsafe { Opaque::cast_into(&raw const (*table).top_lock) }
}
