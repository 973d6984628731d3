// SPDX-License-Identifier: GPL-2.0-only

//! Counts live in the page extensions.

use crate::{
    boot,
    engine::{self, Granule, Hole, PageShift, Pfn, PhysAddr, Section, Shape, Store, Words}, //
};
use kernel::{
    bindings,
    page_ext::{Block, Entries, Operations, Reader},
    sync::atomic::{Acquire, Atomic, Full},
    transmute::FromBytes, //
};

/// What every page has: a multiple of 8 bytes, as the entries of other clients begin right behind
/// and want to be aligned.
#[repr(C)]
pub(crate) struct PageData {
    page: Atomic<u32>,
    spare: Atomic<u32>,
}

#[cfg(CONFIG_IOMMU_DEBUG_PAGEALLOC_KUNIT_TEST)]
impl PageData {
    /// What a page has when its memory comes online.
    pub(crate) fn new() -> Self {
        Self {
            page: Atomic::new(0),
            spare: Atomic::new(0),
        }
    }

    pub(crate) fn page(&self) -> &Atomic<u32> {
        &self.page
    }

    pub(crate) fn spare(&self) -> &Atomic<u32> {
        &self.spare
    }
}

// SAFETY: Two 32-bit integers, of which any bit pattern is a value, and no interior mutability but
// that of an atomic, which is fine as entries are only ever read as shared.
unsafe impl FromBytes for PageData {}

/// The sanitizer's place in the page extensions; listed in `mm/page_ext.c`.
#[no_mangle]
pub(crate) static page_iommu_debug_ops: Operations<PageData> = Operations::new(boot::is_needed);

impl engine::Cell for Atomic<u32> {
    #[inline]
    fn load(&self) -> u32 {
        // A relaxed load is a function call, and a check is little else than a few of them.
        //
        // SAFETY: The pointer is valid, and a volatile read of a word is what `READ_ONCE()` is.
        unsafe { self.as_ptr().read_volatile() }
    }

    #[inline]
    fn load_acquire(&self) -> u32 {
        self.load(Acquire)
    }

    #[inline]
    fn fetch_add(&self, value: u32) -> u32 {
        self.fetch_add(value, Full)
    }

    #[inline]
    fn compare_exchange_weak(&self, current: u32, new: u32) -> Result<u32, u32> {
        self.cmpxchg(current, new, Full)
    }
}

/// The sizes of blocks that have a word.
const SHAPE: Shape = if bindings::PAGE_SHIFT > 12 {
    Shape::LARGE_PAGES
} else {
    Shape::LINUX
};

/// The size of the blocks that are looked up as a whole: as large as any that has a word.
const AROUND: u32 = SHAPE.largest();

/// The counts of all pages, for as long as the RCU read lock is held.
pub(crate) struct PageCounts(Reader<PageData, AROUND>);

impl PageCounts {
    /// Takes the RCU read lock, so that memory cannot go away with its counts. Those around `phys`
    /// are found at once.
    #[inline]
    pub(crate) fn lock_at(phys: PhysAddr) -> Self {
        Self::lock_from(Pfn(phys.0 >> bindings::PAGE_SHIFT))
    }

    /// The same for a page.
    #[inline]
    pub(crate) fn lock_from(pfn: Pfn) -> Self {
        // CAST: If physical addresses are wider than page frame numbers, others are found.
        Self(page_iommu_debug_ops.read_at(pfn.0 as usize))
    }

    /// The same for a page of which the number is not known. Returns the number as well.
    ///
    /// # Safety
    ///
    /// `page` must point to a page.
    #[inline]
    pub(crate) unsafe fn lock_page(page: *const bindings::page) -> (Self, Pfn) {
        // SAFETY: By the safety requirement.
        let (reader, pfn) = unsafe { page_iommu_debug_ops.read_page(page) };
        (Self(reader), Pfn(pfn as u64))
    }
}

impl Store for PageCounts {
    type Cell = Atomic<u32>;
    type Section<'a> = PageSection<'a>;
    type Around<'a> = PageBlock<'a>;
    const SHAPE: Shape = SHAPE;

    #[inline]
    fn around(&self, pfn: Pfn) -> Option<PageBlock<'_>> {
        let pfn = usize::try_from(pfn.0).ok()?;
        self.0.block(pfn).map(PageBlock)
    }

    #[inline]
    fn page_shift(&self) -> PageShift {
        PageShift(bindings::PAGE_SHIFT)
    }

    #[inline]
    fn section(&self, pfn: Pfn) -> Result<PageSection<'_>, Hole> {
        // Physical addresses can be wider than what Linux has page frame numbers for.
        let Ok(pfn) = usize::try_from(pfn.0) else {
            return Err(Hole {
                last: Pfn(u64::MAX),
            });
        };
        match self.0.entries(pfn) {
            Ok(entries) => Ok(PageSection(entries)),
            Err(missing) => Err(Hole {
                last: Pfn(missing.last_pfn() as u64),
            }),
        }
    }
}

/// Pages whose words are one array.
pub(crate) struct PageSection<'a>(Entries<'a, PageData>);

// CAST: In all of these, the page is in the section, and those have numbers that are `usize`.

impl Words for PageSection<'_> {
    type Cell = Atomic<u32>;

    #[inline]
    fn page(&self, pfn: Pfn) -> &Self::Cell {
        &self.0.entry(pfn.0 as usize).page
    }

    #[inline]
    fn spare(&self, pfn: Pfn) -> &Self::Cell {
        &self.0.entry(pfn.0 as usize).spare
    }
}

impl Section for PageSection<'_> {
    #[inline]
    fn first(&self) -> Pfn {
        Pfn(self.0.first_pfn() as u64)
    }

    #[inline]
    fn last(&self) -> Pfn {
        Pfn(self.0.last_pfn() as u64)
    }
}

/// The pages of a naturally aligned block.
pub(crate) struct PageBlock<'a>(Block<'a, PageData>);

impl Words for PageBlock<'_> {
    type Cell = Atomic<u32>;

    #[inline]
    fn page(&self, pfn: Pfn) -> &Self::Cell {
        &self.0.entry(pfn.0 as usize).page
    }

    #[inline]
    fn spare(&self, pfn: Pfn) -> &Self::Cell {
        &self.0.entry(pfn.0 as usize).spare
    }
}

/// A physical address, as the engine takes it.
#[inline]
#[allow(
    clippy::useless_conversion,
    reason = "not on kernels whose physical addresses have 32 bits"
)]
pub(crate) fn phys_addr(phys: bindings::phys_addr_t) -> PhysAddr {
    PhysAddr(phys.into())
}

/// The granule of a domain. `None` if the domain cannot map.
///
/// # Safety
///
/// `domain` must point to a domain that is valid for the duration of the call.
#[inline]
pub(crate) unsafe fn granule_of(domain: *const bindings::iommu_domain) -> Option<Granule> {
    // SAFETY: By the safety requirement.
    Granule::from_bitmap(unsafe { (*domain).pgsize_bitmap } as u64)
}

/// The physical address behind an address of a domain; 0 if there is none.
///
/// # Safety
///
/// `domain` must point to a paging domain that is valid for the duration of the call.
pub(crate) unsafe fn translate(domain: *mut bindings::iommu_domain, iova: u64) -> u64 {
    // CAST: What came in as an address of the domain still is one.
    let iova = iova as bindings::dma_addr_t;
    // SAFETY: By the safety requirement.
    phys_addr(unsafe { bindings::iommu_iova_to_phys(domain, iova) }).0
}
