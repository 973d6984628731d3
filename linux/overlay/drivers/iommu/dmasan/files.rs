// SPDX-License-Identifier: GPL-2.0-only

//! What `debugfs` shows, in `iommu/debug_pagealloc/`.

use crate::{
    census::for_each_mapped,
    engine::Pfn,
    limit,
    moment::{Moment, Seconds},
    origins::{self, domains, filter, Made},
    quarantine,
    report::Kind,
    stack::Stack, //
};
use kernel::{
    bindings,
    ffi::{c_int, c_void},
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    sync::atomic::{Atomic, Relaxed}, //
};

/// Different origins that are told apart.
const GROUPS: usize = 256;

/// Mappings that were made until then are not shown.
static CLEARED: Atomic<u64> = Atomic::new(0);

/// Shows numbers.
///
/// # Safety
///
/// `file` must be valid and not used by anybody else.
#[export]
pub(crate) unsafe extern "C" fn iommu_debug_stats_show(
    file: *mut bindings::seq_file,
    _: *mut c_void,
) -> c_int {
    // SAFETY: By the safety requirement.
    let file = unsafe { SeqFile::from_raw(file) };
    let (mut pages, mut runs, mut translations) = (0u64, 0u64, 0u64);
    let mut next = None;
    for_each_mapped(|pfn, count| {
        pages += 1;
        runs += u64::from(next != Some(pfn));
        translations += u64::from(count.translations());
        next = Some(Pfn(pfn.0 + 1));
    });
    seq_print!(file, "mapped pages: {pages}\n");
    seq_print!(file, "mapped runs: {runs}\n");
    seq_print!(file, "translations: {translations}\n");
    for kind in Kind::ALL {
        seq_print!(file, "reports {}: {}\n", kind.name(), kind.seen());
    }
    seq_print!(file, "reports not printed: {}\n", limit::unprinted());
    seq_print!(file, "quarantined pages: {}\n", quarantine::pages());
    seq_print!(file, "origins kept: {}\n", u8::from(origins::are_kept()));
    seq_print!(file, "maps: {}\n", origins::maps());
    seq_print!(file, "unmaps: {}\n", origins::unmaps());
    seq_print!(file, "checks: {}\n", origins::checks());
    seq_print!(file, "origins missed: {}\n", origins::missed());
    0
}

/// Shows the device or the driver whose reports are printed.
///
/// # Safety
///
/// As for [`iommu_debug_stats_show`].
#[export]
pub(crate) unsafe extern "C" fn iommu_debug_filter_show(
    file: *mut bindings::seq_file,
    _: *mut c_void,
) -> c_int {
    // SAFETY: By the safety requirement.
    let file = unsafe { SeqFile::from_raw(file) };
    seq_print!(file, "{}\n", filter::Shown);
    0
}

/// Pages that one piece of code has mapped for one device.
struct Group {
    stack: Option<Stack>,
    domain: u32,
    first: Pfn,
    pages: u64,
    oldest: Moment,
    iova: u64,
}

/// Shows what is mapped, by who has mapped it.
///
/// # Safety
///
/// As for [`iommu_debug_stats_show`].
#[export]
pub(crate) unsafe extern "C" fn iommu_debug_leaks_show(
    file: *mut bindings::seq_file,
    _: *mut c_void,
) -> c_int {
    // SAFETY: By the safety requirement.
    let file = unsafe { SeqFile::from_raw(file) };
    if !origins::are_kept() {
        seq_print!(
            file,
            "iommu.debug_pagealloc.origins=1 is not on the command line\n"
        );
        return 0;
    }
    let Ok(mut groups) = KVec::with_capacity(GROUPS, GFP_KERNEL) else {
        return ENOMEM.to_errno();
    };
    let cleared = CLEARED.load(Relaxed);
    let (mut unknown, mut more) = (0u64, 0u64);
    for_each_mapped(|pfn, _| match origins::of(pfn).made {
        None => unknown += 1,
        Some(made) if made.event.moment.time <= cleared => (),
        Some(made) => more += u64::from(!add(&mut groups, pfn, &made)),
    });
    groups.sort_unstable_by(|one, other| other.pages.cmp(&one.pages));
    let now = Moment::now();
    for group in &groups {
        show(file, group, now);
    }
    if unknown != 0 {
        seq_print!(file, "origin not recorded: {unknown} pages\n");
    }
    if more != 0 {
        seq_print!(file, "of more origins than are told apart: {more} pages\n");
    }
    0
}

/// What was mapped until now is not shown any more.
///
/// # Safety
///
/// Always safe to call.
#[export]
pub(crate) unsafe extern "C" fn iommu_debug_leaks_clear() {
    CLEARED.store(Moment::now().time, Relaxed);
}

/// Returns false if there are too many groups.
fn add(groups: &mut KVec<Group>, pfn: Pfn, made: &Made) -> bool {
    let (stack, domain) = (made.event.stack, made.domain);
    let known = groups
        .iter_mut()
        .find(|group| group.stack == stack && group.domain == domain);
    if let Some(group) = known {
        group.pages += 1;
        if made.event.moment.time < group.oldest.time {
            (group.oldest, group.iova, group.first) = (made.event.moment, made.iova, pfn);
        }
        return true;
    }
    let group = Group {
        stack,
        domain,
        first: pfn,
        pages: 1,
        oldest: made.event.moment,
        iova: made.iova,
    };
    groups.push_within_capacity(group).is_ok()
}

fn show(file: &SeqFile, group: &Group, now: Moment) {
    let Group {
        pages,
        oldest,
        iova,
        first,
        ..
    } = group;
    seq_print!(
        file,
        "mapped: {pages} pages, oldest pfn {:#x} in a mapping at iova {iova:#x}",
        first.0
    );
    if let Some(domain) = domains::known(group.domain) {
        seq_print!(file, ", {domain}");
    }
    seq_print!(file, "\n");
    let age = Seconds(oldest.age(now));
    match group.stack {
        None => seq_print!(file, "mapped by: stack not recorded, {age}s ago\n"),
        Some(stack) => {
            let (comm, pid) = (stack.comm(), oldest.pid);
            seq_print!(file, "mapped by: {comm}/{pid}, {age}s ago\n");
            stack.for_each(|frame| seq_print!(file, " {frame}\n"));
        }
    }
    seq_print!(file, "\n");
}
