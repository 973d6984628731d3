// SPDX-License-Identifier: GPL-2.0-only

//! Checks that no device can reach a page that changes hands in the page allocator.
//!
//! Every page has a count of the IOMMU translations that reach it. The IOMMU core and its page
//! tables tell of translations that come and go, the page allocator asks about pages that it hands
//! out or takes back. The accounting itself is in [`engine`] and knows nothing of Linux; here is
//! what connects the two.
//!
//! C header: [`drivers/iommu/iommu-debug-hooks.h`](srctree/drivers/iommu/iommu-debug-hooks.h)

#![cfg_attr(
    not(CONFIG_DEBUG_FS),
    allow(dead_code, reason = "numbers that are shown in debugfs")
)]

// The driver is no module, so nobody makes the prefix for it.
const __LOG_PREFIX: &[u8] = b"iommu\0";

mod boot;
mod census;
mod check;
mod counter;
#[allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "one source for the kernel and for tests on the host, which use more of it"
)]
mod engine;
#[cfg(CONFIG_DEBUG_FS)]
mod files;
mod limit;
mod map;
mod moment;
mod origins;
mod print;
mod quarantine;
mod release;
mod report;
#[cfg(all(CONFIG_IOMMU_DEBUG_PAGEALLOC_KUNIT_TEST, CONFIG_PRINTK))]
mod report_tests;
mod stack;
mod store;
#[cfg(CONFIG_IOMMU_DEBUG_PAGEALLOC_KUNIT_TEST)]
mod tests;
mod unbind;
mod unmap;
