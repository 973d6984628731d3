// SPDX-License-Identifier: GPL-2.0-only

//! An IOMMU domain, used through the kernel's IOMMU API.
//!
//! C header: [`include/linux/iommu.h`](srctree/include/linux/iommu.h)

use core::{
    ops::Add,
    ptr::NonNull, //
};

use kernel::{
    bindings,
    error::to_result,
    io::PhysAddr,
    page::{
        PAGE_MASK,
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*,
    sizes::SZ_4K, //
};

use super::{
    table,
    Format,
    Pages, //
};

/// An address as a device sees it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Iova(pub(crate) usize);

impl Iova {
    /// The address of the page with this number, counted in CPU pages.
    pub(crate) const fn page(number: usize) -> Self {
        Self(number * PAGE_SIZE)
    }
}

impl Add<usize> for Iova {
    type Output = Self;

    /// The address that many bytes further on.
    fn add(self, bytes: usize) -> Self {
        Self(self.0 + bytes)
    }
}

/// What one device, or several that trust each other, can reach.
///
/// No device is ever attached. This is why the methods are safe: a translation that is missing
/// or stale makes the bookkeeping wrong, but nobody follows it to memory.
///
/// An [`Iova`] that is wider than the IOMMU's addresses loses its upper bits, as on a bus.
///
/// # Invariants
///
/// `ptr` is a domain of `table::alloc()` that this object owns.
pub(crate) struct Domain {
    ptr: NonNull<bindings::iommu_domain>,
}

impl Domain {
    /// Makes a domain with an empty page table. The IOMMU knows pages of 4K, whatever the CPU's are.
    pub(crate) fn new(format: Format) -> Result<Self> {
        Self::with_pages_from(format, SZ_4K)
    }

    /// Makes a domain of an IOMMU that knows no pages smaller than `1 << order` CPU pages.
    pub(crate) fn with_granule(format: Format, order: u32) -> Result<Self> {
        Self::with_pages_from(format, PAGE_SIZE << order)
    }

    fn with_pages_from(format: Format, smallest: usize) -> Result<Self> {
        // INVARIANT: The domain is new.
        Ok(Self {
            ptr: table::alloc(format, smallest)?,
        })
    }

    /// Makes a domain of an IOMMU that lets a live entry be written over. It has 64 pages of IOVA.
    pub(crate) fn overwriting() -> Result<Self> {
        // INVARIANT: The domain is new.
        Ok(Self {
            ptr: table::alloc_overwriting()?,
        })
    }

    /// Makes a domain of an IOMMU that lets a live entry be mapped again, and goes by the first of
    /// its translations. It has 64 pages of IOVA.
    pub(crate) fn keeping() -> Result<Self> {
        // INVARIANT: The domain is new.
        Ok(Self {
            ptr: table::alloc_keeping()?,
        })
    }

    /// Has `pages` freed in the middle of the next map or unmap of a domain of
    /// [`overwriting`](Self::overwriting), as by another thread.
    ///
    /// Fails with [`EOPNOTSUPP`] if the domain is another.
    pub(crate) fn free_meanwhile(&self, pages: Pages) -> Result {
        // SAFETY: By the type's invariants; such domains are used by one thread.
        unsafe { table::free_meanwhile(self.ptr, pages) }
    }

    /// Order of the CPU pages that hold the smallest page that the IOMMU knows.
    pub(crate) fn granule_order(&self) -> u32 {
        // SAFETY: By the type's invariants; the page sizes are constant.
        let sizes = unsafe { (*self.ptr.as_ptr()).pgsize_bitmap };
        // CAST: The shift is a small number.
        sizes.trailing_zeros().saturating_sub(PAGE_SHIFT as u32)
    }

    /// The last byte of the IOVA space.
    fn last_byte(&self) -> usize {
        // SAFETY: By the type's invariants; the geometry is constant.
        // CAST: The end is saturated to what `unsigned long` can hold.
        unsafe { (*self.ptr.as_ptr()).geometry.aperture_end as usize }
    }

    /// The last page of the IOVA space, where allocators that work from the top down begin.
    pub(crate) fn last_page(&self) -> Iova {
        Iova(self.last_byte() & PAGE_MASK)
    }

    /// What arrives of an address at the IOMMU.
    fn arriving(&self, iova: Iova) -> usize {
        iova.0 & self.last_byte()
    }

    /// Lets the device reach `bytes` bytes of memory at `phys` under the addresses from `iova` on.
    ///
    /// Fails, and changes nothing, if some of the addresses are in use ([`EADDRINUSE`], or
    /// [`EEXIST`] from Arm's tables), if the IOMMU cannot express the mapping ([`EINVAL`],
    /// [`ENXIO`], [`ERANGE`]) or if memory runs out.
    pub(crate) fn map(&self, iova: Iova, phys: PhysAddr, bytes: usize) -> Result {
        let prot = bindings::IOMMU_READ | bindings::IOMMU_WRITE;
        // SAFETY: By the type's invariants; with no device attached, any range may be mapped.
        to_result(unsafe {
            bindings::iommu_map(
                self.ptr.as_ptr(),
                self.arriving(iova),
                phys,
                bytes,
                // CAST: The flags are small.
                prot as c_int,
                bindings::GFP_KERNEL,
            )
        })
    }

    /// Takes translations away. Returns how many bytes were unmapped: fewer than `bytes` if a
    /// hole was met; if the range ended inside a large page, more, or fewer where that is refused.
    pub(crate) fn unmap(&self, iova: Iova, bytes: usize) -> usize {
        // SAFETY: By the type's invariants.
        unsafe { bindings::iommu_unmap(self.ptr.as_ptr(), self.arriving(iova), bytes) }
    }

    /// Like [`unmap`](Self::unmap), for drivers that know what they have mapped.
    ///
    /// Fails with [`EIO`] if not exactly `bytes` bytes were unmapped.
    pub(crate) fn unmap_exactly(&self, iova: Iova, bytes: usize) -> Result {
        if self.unmap(iova, bytes) == bytes {
            Ok(())
        } else {
            Err(EIO)
        }
    }

    /// The memory that the device reaches at `iova`, or `None` if that is nothing (or address 0).
    pub(crate) fn lookup(&self, iova: Iova) -> Option<PhysAddr> {
        // CAST: As in `iommu_unmap()`, which takes an `unsigned long`.
        let iova = self.arriving(iova) as bindings::dma_addr_t;
        // SAFETY: By the type's invariants.
        match unsafe { bindings::iommu_iova_to_phys(self.ptr.as_ptr(), iova) } {
            0 => None,
            phys => Some(phys),
        }
    }
}

impl Drop for Domain {
    fn drop(&mut self) {
        // SAFETY: By the type's invariants, and as it is dropped there is no further use.
        unsafe { bindings::iommu_domain_free(self.ptr.as_ptr()) };
    }
}
