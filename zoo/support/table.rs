// SPDX-License-Identifier: GPL-2.0-only

//! Page tables as an IOMMU driver sets them up, less the hardware.
//!
//! One file per family of page table code in the kernel.

// With their paths, since other modules than the zoo take this file by its path.
#[path = "table/flat.rs"]
mod flat;
#[path = "table/generic_pt.rs"]
mod generic_pt;
#[path = "table/io_pgtable.rs"]
mod io_pgtable;

use core::ptr::NonNull;

use kernel::{
    bindings,
    prelude::*, //
};

use super::{
    Format,
    Pages, //
};

/// Allocates a domain with an empty page table of this format.
///
/// The table has all page sizes of the format but those below `smallest` bytes, a power of two.
/// The domain is owned by the caller, who gives it back with `iommu_domain_free()`.
pub(super) fn alloc(format: Format, smallest: usize) -> Result<NonNull<bindings::iommu_domain>> {
    match format {
        Format::Amdv1 => generic_pt::alloc(generic_pt::Kind::Amdv1, smallest),
        Format::Vtdss => generic_pt::alloc(generic_pt::Kind::Vtdss, smallest),
        Format::Riscv64 => generic_pt::alloc(generic_pt::Kind::Riscv64, smallest),
        Format::X86_64 => generic_pt::alloc(generic_pt::Kind::X86_64, smallest),
        Format::ArmLpae => io_pgtable::alloc(io_pgtable::Kind::Lpae, smallest),
        Format::ArmV7s => io_pgtable::alloc(io_pgtable::Kind::V7s, smallest),
    }
}

/// Allocates a domain of an IOMMU that lets live entries be written over.
///
/// It has 64 pages of IOVA from 0 on, and is owned by the caller as above.
pub(super) fn alloc_overwriting() -> Result<NonNull<bindings::iommu_domain>> {
    flat::alloc(flat::Goes::ByTheLast)
}

/// Allocates a domain of an IOMMU that lets live entries be mapped again, and goes by what was there first.
///
/// Else as above.
pub(super) fn alloc_keeping() -> Result<NonNull<bindings::iommu_domain>> {
    flat::alloc(flat::Goes::ByTheFirst)
}

/// Has `pages` freed in the middle of the next map or unmap, if it is one of [`alloc_overwriting()`].
///
/// # Safety
///
/// `domain` must be valid, and not be used by anybody else meanwhile.
pub(super) unsafe fn free_meanwhile(
    domain: NonNull<bindings::iommu_domain>,
    pages: Pages,
) -> Result {
    // SAFETY: By the safety requirements.
    unsafe { flat::free_meanwhile(domain, pages) }
}
