// SPDX-License-Identifier: GPL-2.0-only

//! Pages from the page allocator.

use core::{
    mem::ManuallyDrop,
    ops::Range,
    ptr::NonNull, //
};

use kernel::{
    bindings,
    fmt,
    io::PhysAddr,
    page::{
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*, //
};

extern "C" {
    /// The page frame number of a `struct page`; see `shim.c`.
    fn zoo_page_to_pfn(page: *const c_void) -> c_ulong;
}

/// Page frames that follow one another; never empty.
#[derive(Clone, Copy)]
pub(crate) struct PfnRange {
    first: usize,
    last: usize,
}

impl fmt::Display for PfnRange {
    /// `0x1a2b5`, or `0x1a2b0-0x1a2bf` for more than one page.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{:#x}", self.first)
        } else {
            write!(f, "{:#x}-{:#x}", self.first, self.last)
        }
    }
}

/// `1 << order` pages that follow one another, freed when dropped.
///
/// # Invariants
///
/// `first` is the first page of an allocation of that order, owned by this object.
pub(crate) struct Pages {
    first: NonNull<bindings::page>,
    order: u32,
}

impl Pages {
    /// Allocates `1 << order` zeroed pages, aligned to their size.
    pub(crate) fn new(order: u32) -> Result<Self> {
        Self::with_flags(order, bindings::__GFP_ZERO)
    }

    /// Allocates `1 << order` pages, aligned to their size. `flags` are added to `GFP_KERNEL`.
    pub(crate) fn with_flags(order: u32, flags: bindings::gfp_t) -> Result<Self> {
        let gfp = bindings::GFP_KERNEL | flags;
        // SAFETY: Any flags and order may be passed; the caller may sleep.
        let first = unsafe { bindings::alloc_pages(gfp, order) };
        // INVARIANT: The allocation is new.
        Ok(Self {
            first: NonNull::new(first).ok_or(ENOMEM)?,
            order,
        })
    }

    /// Order of the pages that hold this many bytes, a power of two. A page may be more than that.
    pub(crate) const fn order_of(bytes: usize) -> u32 {
        bytes.div_ceil(PAGE_SIZE).ilog2()
    }

    /// Size in bytes.
    pub(crate) fn size(&self) -> usize {
        PAGE_SIZE << self.order
    }

    /// Physical address of the first byte.
    pub(crate) fn phys(&self) -> PhysAddr {
        // CAST: Physical addresses are at least as wide as page frame numbers.
        (self.first_pfn() as PhysAddr) << PAGE_SHIFT
    }

    /// Physical address of the page with this index.
    pub(crate) fn phys_of(&self, index: usize) -> PhysAddr {
        // CAST: As above.
        self.phys() + ((index as PhysAddr) << PAGE_SHIFT)
    }

    /// The page frames of all pages.
    pub(crate) fn pfns(&self) -> PfnRange {
        self.pfns_of(0..1 << self.order)
    }

    /// The page frames of some of the pages. `indices` must not be empty.
    pub(crate) fn pfns_of(&self, indices: Range<usize>) -> PfnRange {
        PfnRange {
            first: self.first_pfn() + indices.start,
            last: self.first_pfn() + indices.end - 1,
        }
    }

    /// Makes single pages of the allocation, each with a life of its own.
    pub(crate) fn split(self) -> Result<KVec<Self>> {
        let count = 1 << self.order;
        let mut singles = KVec::with_capacity(count, GFP_KERNEL)?;
        let whole = ManuallyDrop::new(self);
        if whole.order > 0 {
            // SAFETY: By the type's invariants, it is an allocation of that order, not compound.
            unsafe { bindings::split_page(whole.first.as_ptr(), whole.order) };
        }
        for index in 0..count {
            // INVARIANT: `split_page()` has made an allocation of order 0 of every page, and
            // their former owner, `whole`, is not dropped.
            singles.push_within_capacity(Self {
                // SAFETY: The struct pages of an allocation follow one another.
                first: unsafe { whole.first.add(index) },
                order: 0,
            })?;
        }
        Ok(singles)
    }

    /// The first page, valid as long as `self` lives.
    pub(crate) fn as_ptr(&self) -> *mut bindings::page {
        self.first.as_ptr()
    }

    fn first_pfn(&self) -> usize {
        // SAFETY: By the type's invariants, it is a valid page.
        unsafe { zoo_page_to_pfn(self.as_ptr().cast()) }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: By the type's invariants, and as it is dropped there is no further use.
        unsafe { bindings::__free_pages(self.as_ptr(), self.order) };
    }
}
