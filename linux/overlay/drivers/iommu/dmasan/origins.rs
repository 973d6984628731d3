// SPDX-License-Identifier: GPL-2.0-only

//! Who has mapped a page, and who has unmapped it: kept if the command line asks for it.
//!
//! What is known of a map is kept once for every block that the run is made of, in the page
//! extension of one page of the block; a later map of the same block writes over it. Of several
//! records that lead to a page, the one that counts is the latest that is not known to have gone.

pub(crate) mod domains;
pub(crate) mod filter;
mod record;
mod slot;

use crate::{
    boot,
    counter::Counter,
    engine::{self, PageRange, Pfn, Place, Run, Store},
    moment::Moment,
    stack::Stack,
    store::{phys_addr, PageCounts}, //
};
use kernel::{
    bindings,
    page_ext::Operations,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        rcu, //
    }, //
};
use record::Kept;
pub(crate) use record::{Event, Made};

/// The place of origins in the page extensions; listed in `mm/page_ext.c`.
#[no_mangle]
pub(crate) static page_iommu_debug_origin_ops: Operations<Kept> =
    Operations::new(boot::wants_origins);

/// How many times something could not be kept.
static MISSED: Atomic<u64> = Atomic::new(0);
/// Maps that have been seen.
static MAPS: Counter = Counter::new();
/// Unmaps that have been seen.
static UNMAPS: Counter = Counter::new();
/// Checks of pages that change hands.
static CHECKS: Counter = Counter::new();
/// Maps that have been seen, to keep one in so many.
static SEEN: Atomic<u32> = Atomic::new(0);

/// Whether origins are kept.
#[inline]
pub(crate) fn are_kept() -> bool {
    // SAFETY: Written before anything is counted or checked, and never after.
    unsafe { bindings::iommu_debug_has_origins }
}

/// How many times something could not be kept.
pub(crate) fn missed() -> u64 {
    MISSED.load(Relaxed)
}

/// How many maps there have been.
pub(crate) fn maps() -> u64 {
    MAPS.sum()
}

/// How many unmaps there have been.
pub(crate) fn unmaps() -> u64 {
    UNMAPS.sum()
}

/// How many times pages have been checked.
pub(crate) fn checks() -> u64 {
    CHECKS.sum()
}

/// Counts a check, if origins are kept: to count is not free.
#[inline]
pub(crate) fn checked() {
    #[cold]
    fn count() {
        CHECKS.add();
    }
    if are_kept() {
        count();
    }
}

/// Remembers who maps a range.
///
/// # Safety
///
/// `domain` must point to a valid domain.
#[export]
pub(crate) unsafe extern "C" fn __iommu_debug_origin_map(
    domain: *mut bindings::iommu_domain,
    iova: usize,
    phys: bindings::phys_addr_t,
    size: usize,
) {
    MAPS.add();
    let sample = boot::sample();
    if sample > 1 && SEEN.fetch_add(1, Relaxed) % sample != 0 {
        return;
    }
    let Some(run) = Run::new(phys_addr(phys), size as u64) else {
        return;
    };
    let made = Made {
        event: event(),
        iova: iova as u64,
        bytes: size as u64,
        // SAFETY: By the safety requirement.
        domain: unsafe { domains::number(domain) },
    };
    keep(run, |record, level| {
        record.made = made;
        record.made.event.level = level;
        // What is known to have gone is gone since.
        record.gone = Event::NEVER;
    });
}

/// Remembers that runs are unmapped by the caller.
#[cold]
pub(crate) fn all_unmapped(runs: impl Iterator<Item = Run>) {
    let gone = event();
    for run in runs {
        keep_gone(run, gone);
    }
}

/// Counts an unmap, of however many leaves.
///
/// # Safety
///
/// Always safe to call.
#[export]
pub(crate) unsafe extern "C" fn __iommu_debug_origin_unmapped() {
    UNMAPS.add();
}

/// Remembers that a run is unmapped by the caller, if origins are kept.
pub(crate) fn unmapped(run: Run) {
    if are_kept() {
        keep_gone(run, event());
    }
}

fn keep_gone(run: Run, gone: Event) {
    keep(run, |record, level| record.gone = Event { level, ..gone });
}

fn event() -> Event {
    let stack = Stack::save();
    if stack.is_none() {
        MISSED.fetch_add(1, Relaxed);
    }
    Event {
        stack,
        moment: Moment::now(),
        level: 0,
    }
}

fn keep(run: Run, change: impl Fn(&mut record::Record, u8)) {
    let guard = rcu::read_lock();
    let shift = engine::PageShift(bindings::PAGE_SHIFT);
    let pages = PageRange::new(shift.pfn_of(run.first()), shift.pfn_of(run.last()));
    let Some(pages) = pages else {
        return;
    };
    Place::for_each(<PageCounts as Store>::SHAPE, pages, |place| {
        let is_kept = kept(&guard, place)
            .is_none_or(|kept| kept.update(|record| change(record, place.level)));
        if !is_kept {
            MISSED.fetch_add(1, Relaxed);
        }
    });
}

/// Where it is kept. `None` for what is no memory.
fn kept(guard: &rcu::Guard, place: Place) -> Option<&Kept> {
    let pfn = usize::try_from(place.keeper.0).ok()?;
    let entries = page_iommu_debug_origin_ops.entries(guard, pfn).ok()?;
    Some(entries.entry(pfn))
}

/// What is known of a page.
#[derive(Clone, Copy, Default)]
pub(crate) struct Origin {
    /// The latest map that is not known to have gone.
    pub(crate) made: Option<Made>,
    /// The latest map, gone or not. There is one record for several translations of a block.
    pub(crate) former: Option<Made>,
    /// The latest unmap.
    pub(crate) gone: Option<Event>,
}

/// Looks up a page.
pub(crate) fn of(pfn: Pfn) -> Origin {
    let mut origin = Origin::default();
    if !are_kept() {
        return origin;
    }
    let guard = rcu::read_lock();
    for place in Place::around(<PageCounts as Store>::SHAPE, pfn) {
        let Some(record) = kept(&guard, place).and_then(Kept::read) else {
            continue;
        };
        // What is kept for a block of another size has nothing to do with the page.
        let time = |event: &Event| (event.level == place.level).then_some(event.moment.time);
        let (made, gone) = (time(&record.made.event), time(&record.gone));
        let latest = |made: Option<Made>| made.map(|made| made.event.moment.time);
        if gone.is_none_or(|gone| gone == 0) && made > latest(origin.made) {
            origin.made = Some(record.made);
        }
        if made > latest(origin.former) {
            origin.former = Some(record.made);
        }
        if gone > origin.gone.map(|gone| gone.moment.time) {
            origin.gone = Some(record.gone);
        }
    }
    // What was never written is at time 0.
    let is_written = |made: &Made| made.event.moment.time != 0;
    origin.made = origin.made.filter(is_written);
    origin.former = origin.former.filter(is_written);
    origin.gone = origin.gone.filter(|gone| gone.moment.time != 0);
    origin
}
