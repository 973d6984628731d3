// SPDX-License-Identifier: GPL-2.0-only

//! KUnit tests of what reports look like in the kernel log.

#[cfg(CONFIG_DEBUG_FS)]
use crate::files;
use crate::{
    boot,
    check::__iommu_debug_check_unmapped,
    limit,
    map::{__iommu_debug_map_begin, __iommu_debug_map_end},
    origins::{self, __iommu_debug_origin_map, filter},
    quarantine,
    report,
    tests::{domain, is_switched_on, phys_of, skip},
    unmap::__iommu_debug_unmap_oversized, //
};
use kernel::{
    bindings,
    fmt,
    page::{Page, PAGE_SIZE},
    prelude::*,
    str::{CStr, CString},
    sync::atomic::Relaxed, //
};
use pin_init::zeroed;

const IOVA: usize = 0x7654_3000;

/// The lines that `provoke` leaves in the kernel log, without their time.
fn log_of(provoke: impl FnOnce()) -> Result<KVec<KVec<u8>>> {
    const MARK: &[u8] = b"dmasan: a report follows that is expected";
    pr_info!("dmasan: a report follows that is expected\n");
    report::EXPECTED.store(true, Relaxed);
    provoke();
    report::EXPECTED.store(false, Relaxed);

    let mut lines = KVec::new();
    let mut iter: bindings::kmsg_dump_iter = zeroed();
    let mut buffer = KVec::from_elem(0u8, 1024, GFP_KERNEL)?;
    // SAFETY: The iterator is ours.
    unsafe { bindings::kmsg_dump_rewind(&mut iter) };
    loop {
        let mut len = 0;
        // SAFETY: The iterator is ours, and the buffer as large as said.
        let more = unsafe {
            bindings::kmsg_dump_get_line(
                &mut iter,
                false,
                buffer.as_mut_ptr().cast(),
                buffer.len(),
                &mut len,
            )
        };
        if !more {
            return Ok(lines);
        }
        let line = buffer.get(..len).unwrap_or(&[]).trim_ascii_end();
        // The time, if there is one, ends with a bracket and a space.
        let time = line.windows(2).position(|two| two == b"] ");
        let text = match (line.first(), time) {
            (Some(b'['), Some(time)) => line.get(time + 2..).unwrap_or(&[]),
            _ => line,
        };
        if text.ends_with(MARK) {
            lines.clear();
            continue;
        }
        let mut copy = KVec::new();
        copy.extend_from_slice(text, GFP_KERNEL)?;
        lines.push(copy, GFP_KERNEL)?;
    }
}

/// Words of a line that depend on the size of a page.
fn text(words: fmt::Arguments<'_>) -> Result<CString> {
    CString::try_from_fmt(words)
}

/// Whether lines begin with these words, in this order, whatever is between them.
fn has(lines: &[KVec<u8>], beginnings: &[&[u8]]) -> bool {
    let mut lines = lines.iter();
    beginnings.iter().all(|words| {
        let is_found = lines.any(|line| line.starts_with(words));
        if !is_found {
            // CAST: Letters.
            let words = core::str::from_utf8(words).unwrap_or("?");
            pr_err!("no line in place begins with: {words}\n");
        }
        is_found
    })
}

/// What the file with the leaks shows.
#[cfg(CONFIG_DEBUG_FS)]
fn leaks() -> Result<KVec<u8>> {
    let mut buffer = KVec::from_elem(0u8, 1 << 14, GFP_KERNEL)?;
    let mut file = bindings::seq_file {
        buf: buffer.as_mut_ptr().cast(),
        size: buffer.len(),
        ..zeroed()
    };
    // SAFETY: The file is ours, and has a buffer.
    unsafe { files::iommu_debug_leaks_show(&mut file, core::ptr::null_mut()) };
    buffer.truncate(file.count);
    Ok(buffer)
}

/// A page that is mapped with an origin and changes hands; what the log says.
fn freed_while_mapped() -> Result<KVec<KVec<u8>>> {
    let page = Page::alloc_page(GFP_KERNEL)?;
    let mut domain = domain(PAGE_SIZE);
    let (domain, phys): (*mut _, _) = (&mut domain, phys_of(&page));
    let lines = log_of(|| {
        // SAFETY: The domain is valid for as long as it has translations, and the page is one.
        unsafe {
            if origins::are_kept() {
                __iommu_debug_origin_map(domain, IOVA, phys, PAGE_SIZE);
            }
            __iommu_debug_map_begin(domain, phys, PAGE_SIZE);
            __iommu_debug_check_unmapped(page.as_ptr(), 1, true);
        }
    });
    // SAFETY: The domain is valid.
    unsafe {
        __iommu_debug_map_end(domain, phys, PAGE_SIZE, 0);
        origins::domains::__iommu_debug_domain_gone(domain);
    }
    lines
}

#[kunit_tests(iommu_debug_pagealloc_report)]
mod suite {
    use super::*;

    #[test]
    fn a_report_tells_what_changes_hands_and_where() -> Result {
        if !is_switched_on() {
            return Ok(());
        }
        let lines = freed_while_mapped()?;
        assert!(has(
            &lines,
            &[
                b"====",
                b"BUG: DMASAN: freed-while-mapped in kunit",
                b"page: pfn 0x",
                b"mapped: pfn 0x",
                b"freed by: ",
                b"CPU: ",
                b"Call Trace:",
                b"====",
            ]
        ));
        Ok(())
    }

    #[test]
    fn a_report_tells_who_has_mapped() -> Result {
        if !is_switched_on() {
            return Ok(());
        }
        if !origins::are_kept() {
            skip();
            return Ok(());
        }
        let lines = freed_while_mapped()?;
        let mapping = text(fmt!(
            "mapping: iova {IOVA:#x}, {PAGE_SIZE} bytes, domain unmanaged "
        ))?;
        assert!(has(
            &lines,
            &[
                b"mapped: pfn 0x",
                mapping.to_bytes(),
                b"mapped by: ",
                b" ",
                b"freed by: ",
            ]
        ));
        Ok(())
    }

    #[test]
    fn an_unmap_that_takes_more_is_a_bug_in_the_domains_of_the_dma_api() -> Result {
        const UNMAPPED: usize = 512 * PAGE_SIZE;
        if !is_switched_on() {
            return Ok(());
        }
        let mut domain = domain(PAGE_SIZE);
        let mut provoke = |more: u32| {
            domain.type_ |= more;
            log_of(|| {
                // SAFETY: The domain is valid.
                unsafe {
                    __iommu_debug_unmap_oversized(&mut domain, IOVA, PAGE_SIZE, UNMAPPED);
                    origins::domains::__iommu_debug_domain_gone(&mut domain);
                }
            })
        };
        let unmanaged = provoke(0)?;
        assert!(!has(&unmanaged, &[b"BUG: DMASAN: "]));
        let dma = provoke(bindings::__IOMMU_DOMAIN_DMA_API)?;
        let oversized = text(fmt!(
            "oversized: {PAGE_SIZE} bytes at iova {IOVA:#x} asked for, {UNMAPPED} bytes unmapped"
        ))?;
        assert!(has(
            &dma,
            &[
                b"====",
                b"BUG: DMASAN: oversized-unmap in kunit",
                oversized.to_bytes(),
                b"unmapped too much by: ",
                b"====",
            ]
        ));
        Ok(())
    }

    #[test]
    fn a_filter_keeps_reports_of_others_from_being_printed() -> Result {
        if !is_switched_on() {
            return Ok(());
        }
        if !origins::are_kept() {
            skip();
            return Ok(());
        }
        // SAFETY: Names are strings that end with a null character.
        let set = |name: &CStr| unsafe { filter::iommu_debug_filter_set(name.as_char_ptr()) };
        let before = limit::unprinted();
        set(c"nobody-goes-by-this-name");
        let lines = freed_while_mapped();
        set(c"");
        assert!(!has(&lines?, &[b"BUG: DMASAN: "]));
        assert_eq!(limit::unprinted(), before + 1);
        assert!(has(&freed_while_mapped()?, &[b"BUG: DMASAN: "]));
        Ok(())
    }

    #[cfg(CONFIG_DEBUG_FS)]
    #[test]
    fn the_list_of_leaks_has_what_was_mapped_since_it_was_cleared() -> Result {
        if !is_switched_on() {
            return Ok(());
        }
        if !origins::are_kept() {
            skip();
            return Ok(());
        }
        let page = Page::alloc_page(GFP_KERNEL)?;
        let mut domain = domain(PAGE_SIZE);
        let (domain, phys): (*mut _, _) = (&mut domain, phys_of(&page));
        // SAFETY: The domain is valid for as long as it has translations.
        unsafe {
            __iommu_debug_origin_map(domain, IOVA, phys, PAGE_SIZE);
            __iommu_debug_map_begin(domain, phys, PAGE_SIZE);
        }
        let before = leaks()?;
        // SAFETY: No requirements.
        unsafe { files::iommu_debug_leaks_clear() };
        let after = leaks()?;
        // SAFETY: The domain is valid.
        unsafe {
            __iommu_debug_map_end(domain, phys, PAGE_SIZE, 0);
            origins::domains::__iommu_debug_domain_gone(domain);
        }
        let has_ours = |text: &[u8]| {
            let ours = b"in a mapping at iova 0x76543000, domain unmanaged ";
            text.windows(ours.len()).any(|words| words == ours)
        };
        assert!(has_ours(&before));
        assert!(!has_ours(&after));
        Ok(())
    }

    #[test]
    fn a_page_that_was_freed_too_early_is_kept_until_it_is_unmapped() -> Result {
        if !is_switched_on() {
            return Ok(());
        }
        if boot::quarantine() == 0 {
            skip();
            return Ok(());
        }
        let page = Page::alloc_page(GFP_KERNEL)?;
        let mut domain = domain(PAGE_SIZE);
        let (domain, phys): (*mut _, _) = (&mut domain, phys_of(&page));
        let before = quarantine::pages();
        // SAFETY: The domain is valid for as long as it has translations.
        unsafe { __iommu_debug_map_begin(domain, phys, PAGE_SIZE) };
        let lines = log_of(|| drop(page))?;
        assert!(has(&lines, &[b"BUG: DMASAN: freed-while-mapped"]));
        assert_eq!(quarantine::pages(), before + 1);
        // SAFETY: The domain is valid.
        unsafe { __iommu_debug_map_end(domain, phys, PAGE_SIZE, 0) };
        for _ in 0..100 {
            if quarantine::pages() == before {
                return Ok(());
            }
            // SAFETY: Tests may sleep.
            unsafe { bindings::msleep(50) };
        }
        assert_eq!(quarantine::pages(), before);
        Ok(())
    }

    #[test]
    fn the_origin_is_that_of_the_latest_map_that_has_not_gone() -> Result {
        if !is_switched_on() {
            return Ok(());
        }
        if !origins::are_kept() {
            skip();
            return Ok(());
        }
        let pages = Page::alloc_page(GFP_KERNEL)?;
        let mut domain = domain(PAGE_SIZE);
        let (domain, phys): (*mut _, _) = (&mut domain, phys_of(&pages));
        let run = crate::engine::Run::new(crate::engine::PhysAddr(phys), PAGE_SIZE as u64);
        let pfn = crate::engine::Pfn(phys / PAGE_SIZE as u64);
        let iova = || origins::of(pfn).made.map(|made| made.iova);
        // SAFETY: The domain is valid.
        unsafe { __iommu_debug_origin_map(domain, IOVA, phys, PAGE_SIZE) };
        assert_eq!(iova(), Some(IOVA as u64));
        // SAFETY: The domain is valid.
        unsafe { __iommu_debug_origin_map(domain, 2 * IOVA, phys, PAGE_SIZE) };
        assert_eq!(iova(), Some(2 * IOVA as u64));
        if let Some(run) = run {
            origins::unmapped(run);
        }
        assert_eq!(iova(), None);
        assert!(origins::of(pfn).gone.is_some());
        // SAFETY: The address is not looked at.
        unsafe { origins::domains::__iommu_debug_domain_gone(domain) };
        Ok(())
    }
}
