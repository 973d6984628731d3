// SPDX-License-Identifier: GPL-2.0-only

//! Drivers that let go of their device.

use crate::{
    census::for_each_mapped,
    engine::{Findings, Ledger, PageRange, Verdict},
    origins::{self, domains},
    release::is_allocatable,
    report,
    store::PageCounts, //
};
use kernel::{
    bindings,
    prelude::*, //
};

/// A driver has let go of its device. What it has mapped for it, it has to unmap before.
///
/// Nothing is said of a domain that has had several devices: the memory may be of another one.
///
/// # Safety
///
/// Both must point to valid objects.
#[export]
pub(crate) unsafe extern "C" fn __iommu_debug_unbound(
    domain: *mut bindings::iommu_domain,
    dev: *mut bindings::device,
) {
    // SAFETY: By the safety requirement.
    let number = unsafe { domains::number(domain) };
    // SAFETY: By the safety requirement.
    let bound = domains::known(number).and_then(|known| unsafe { known.bound_to(dev) });
    let Some(bound) = bound else {
        return;
    };
    let mut leaks = Findings::new();
    for_each_mapped(|pfn, _| {
        let made = origins::of(pfn).made;
        if !made.is_some_and(|made| made.domain == number && made.event.moment.time > bound) {
            return;
        }
        let page = PageRange::from_count(pfn, 1).filter(|_| is_allocatable(pfn));
        // It counts as reported from now on: that it is freed later is no further bug.
        let verdict =
            page.map(|page| Ledger::new(&PageCounts::lock_from(page.first())).check(page));
        if let Some(Verdict::Mapped(spans)) = verdict {
            for span in spans.kept() {
                // CAST: That many translations of a page cannot be counted.
                leaks.push(pfn, span.translations as u32);
            }
        }
    });
    if let Some(leaks) = leaks.spans() {
        report::unbound(leaks);
    }
}
