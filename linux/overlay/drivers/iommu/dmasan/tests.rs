// SPDX-License-Identifier: GPL-2.0-only

//! KUnit tests of what ties the engine to Linux.
//!
//! The accounting itself is tested on the host, and with real page tables by drivers that are
//! known to be wrong. Here: that the hooks find the counts of real pages, and that the structs on
//! the stacks of C code are what the engine takes them for.

mod hotplug;

use crate::{
    boot,
    check::__iommu_debug_check_unmapped,
    engine::{Count, Ledger, PageRange, Pfn, PhysAddr, Verdict},
    map::{__iommu_debug_map_begin, __iommu_debug_map_end},
    release::{
        __iommu_debug_release_begin,
        __iommu_debug_release_end,
        __iommu_debug_release_leaf, //
    },
    store::PageCounts,
    unmap::{
        __iommu_debug_unmap_plan,
        __iommu_debug_unmap_settle,
        __iommu_debug_walk_end, //
    },
};
use kernel::{
    bindings,
    page::{Page, PAGE_SHIFT, PAGE_SIZE},
    prelude::*, //
};
use pin_init::zeroed;

extern "C" fn same_address(
    _domain: *mut bindings::iommu_domain,
    iova: bindings::dma_addr_t,
) -> bindings::phys_addr_t {
    iova
}

static OPS: bindings::iommu_domain_ops = bindings::iommu_domain_ops {
    iova_to_phys: Some(same_address),
    ..zeroed()
};

/// A domain with the given page sizes, in which every address is mapped to itself.
pub(crate) fn domain(pgsize_bitmap: usize) -> bindings::iommu_domain {
    bindings::iommu_domain {
        type_: bindings::__IOMMU_DOMAIN_PAGING,
        pgsize_bitmap,
        ops: &OPS,
        ..zeroed()
    }
}

fn pfn_of(page: &Page) -> u64 {
    // SAFETY: The page is valid.
    unsafe { bindings::page_to_pfn(page.as_ptr()) as u64 }
}

pub(crate) fn phys_of(page: &Page) -> u64 {
    pfn_of(page) << PAGE_SHIFT
}

fn check(pages: PageRange) -> Verdict {
    let counts = PageCounts::lock_from(pages.first());
    Ledger::new(&counts).check(pages)
}

fn translations(pfn: u64) -> Option<u32> {
    let counts = PageCounts::lock_at(PhysAddr(pfn << PAGE_SHIFT));
    Ledger::new(&counts)
        .count(Pfn(pfn))
        .map(Count::translations)
}

/// Marks the running test as skipped if the sanitizer is not switched on.
pub(crate) fn is_switched_on() -> bool {
    if !boot::is_needed() {
        skip();
    }
    boot::is_needed()
}

/// Marks the running test as skipped.
pub(crate) fn skip() {
    // SAFETY: No requirements.
    let test = unsafe { bindings::kunit_get_current_test() };
    if !test.is_null() {
        // SAFETY: The running test is valid, and its status is for the test itself to set.
        unsafe { (*test).status = bindings::kunit_status_KUNIT_SKIPPED };
    }
}

#[kunit_tests(iommu_debug_pagealloc)]
mod suite {
    use super::*;

    #[test]
    fn entries_of_other_page_ext_clients_stay_aligned() {
        // SAFETY: Constant since boot.
        let size = unsafe { bindings::page_ext_size };
        assert_eq!(size % core::mem::align_of::<u64>(), 0);
    }

    #[test]
    fn a_map_is_counted_before_it_is_made() -> Result {
        if !is_switched_on() {
            return Ok(());
        }
        let page = Page::alloc_page(GFP_KERNEL)?;
        let mut domain = domain(PAGE_SIZE);

        // SAFETY: The domain is valid.
        unsafe { __iommu_debug_map_begin(&mut domain, phys_of(&page), PAGE_SIZE) };
        assert_eq!(translations(pfn_of(&page)), Some(1));
        // SAFETY: The domain is valid.
        unsafe { __iommu_debug_map_end(&mut domain, phys_of(&page), PAGE_SIZE, 0) };
        assert_eq!(translations(pfn_of(&page)), Some(0));
        Ok(())
    }

    #[test]
    fn leaves_are_uncounted_when_their_walk_is_over() -> Result {
        if !is_switched_on() {
            return Ok(());
        }
        let page = Page::alloc_page(GFP_KERNEL)?;
        let mut domain = domain(PAGE_SIZE / 2);
        let half = PAGE_SIZE as u64 / 2;
        let mut walk: bindings::iommu_debug_walk = zeroed();

        // SAFETY: The domain is valid.
        unsafe { __iommu_debug_map_begin(&mut domain, phys_of(&page), PAGE_SIZE) };
        assert_eq!(translations(pfn_of(&page)), Some(2));
        // Two leaves that were met the other way round: two runs.
        walk.domain = &mut domain;
        walk.len = 2;
        walk.first[0] = phys_of(&page) + half;
        walk.last[0] = phys_of(&page) + 2 * half - 1;
        walk.first[1] = phys_of(&page);
        walk.next = phys_of(&page) + half;
        // SAFETY: The domain and the walk are valid.
        unsafe { __iommu_debug_walk_end(&mut walk) };
        assert_eq!(translations(pfn_of(&page)), Some(0));
        assert_eq!(walk.len, 0);
        Ok(())
    }

    #[test]
    fn a_domain_that_is_meant_to_end_mapped_is_not_told_of() -> Result {
        if !is_switched_on() {
            return Ok(());
        }
        let page = Page::alloc_page(GFP_KERNEL)?;
        let mut domain = domain(PAGE_SIZE);
        domain.debug_ends_mapped = true;
        let mut release: bindings::iommu_debug_release = zeroed();

        // A report would make the test fail.
        //
        // SAFETY: The domain is valid, and so is what is made of `release`.
        unsafe {
            __iommu_debug_map_begin(&mut domain, phys_of(&page), PAGE_SIZE);
            __iommu_debug_release_begin(&mut domain, &mut release);
            __iommu_debug_release_leaf(&mut release, phys_of(&page), PAGE_SIZE as u64);
            __iommu_debug_release_end(&mut release);
        }
        assert_eq!(translations(pfn_of(&page)), Some(0));
        Ok(())
    }

    #[test]
    fn a_driver_that_cannot_tell_is_asked_before_and_told_after() -> Result {
        if !is_switched_on() {
            return Ok(());
        }
        let page = Page::alloc_page(GFP_KERNEL)?;
        let mut domain = domain(PAGE_SIZE);
        let mut unmap: bindings::iommu_debug_unmap = zeroed();
        let (mut pgsize, mut count) = (PAGE_SIZE, 1);
        let iova = phys_of(&page) as usize;

        // SAFETY: All are valid.
        unsafe {
            __iommu_debug_map_begin(&mut domain, phys_of(&page), PAGE_SIZE);
            __iommu_debug_unmap_plan(&mut domain, iova, &mut pgsize, &mut count, &mut unmap);
        }
        assert_eq!((pgsize, count), (PAGE_SIZE, 1));
        assert_eq!(translations(pfn_of(&page)), Some(1));
        // SAFETY: All are valid, and the unmap has been planned.
        let gone = unsafe { __iommu_debug_unmap_settle(&mut domain, iova, &mut unmap, PAGE_SIZE) };
        assert_eq!(gone, PAGE_SIZE);
        assert_eq!(translations(pfn_of(&page)), Some(0));
        Ok(())
    }

    #[test]
    fn memory_without_pages_is_neither_counted_nor_a_problem() -> Result {
        if !is_switched_on() {
            return Ok(());
        }
        let mut domain = domain(PAGE_SIZE);
        let last_page = !(PAGE_SIZE as u64 - 1);

        // SAFETY: The domain is valid.
        unsafe {
            __iommu_debug_map_begin(&mut domain, last_page, PAGE_SIZE);
            __iommu_debug_map_end(&mut domain, last_page, PAGE_SIZE, 0);
        }
        assert_eq!(translations(last_page >> PAGE_SHIFT), None);
        Ok(())
    }

    #[test]
    fn a_clean_page_changes_hands_without_a_word() -> Result {
        if !is_switched_on() {
            return Ok(());
        }
        let page = Page::alloc_page(GFP_KERNEL)?;
        let pages = PageRange::from_count(Pfn(pfn_of(&page)), 1).ok_or(EINVAL)?;

        assert_eq!(check(pages), Verdict::Clean);
        // SAFETY: It is one page.
        unsafe { __iommu_debug_check_unmapped(page.as_ptr(), 1, true) };
        Ok(())
    }

    #[test]
    fn a_mapped_page_is_told_of_once() -> Result {
        if !is_switched_on() {
            return Ok(());
        }
        let page = Page::alloc_page(GFP_KERNEL)?;
        let pages = PageRange::from_count(Pfn(pfn_of(&page)), 1).ok_or(EINVAL)?;
        let mut domain = domain(PAGE_SIZE);

        // SAFETY: The domain is valid.
        unsafe { __iommu_debug_map_begin(&mut domain, phys_of(&page), PAGE_SIZE) };
        let first = check(pages);
        let second = check(pages);
        // SAFETY: The domain is valid.
        unsafe { __iommu_debug_map_end(&mut domain, phys_of(&page), PAGE_SIZE, 0) };

        assert!(matches!(first, Verdict::Mapped(_)));
        assert_eq!(second, Verdict::Clean);
        Ok(())
    }
}
