// SPDX-License-Identifier: GPL-2.0-only

//! What a finding looks like in the kernel log.

use crate::{
    boot,
    engine::{PageRange, Span, Spans},
    limit,
    moment::{Comm, Moment, Told},
    origins::{self, domains, filter, Event, Made},
    print::{line, put_task, Counted, Described},
    stack::{culprit, for_each_here, Frame, Stack}, //
};
use kernel::{
    bindings,
    page::PAGE_SIZE,
    prelude::*,
    str::CStr,
    sync::atomic::{Atomic, Relaxed}, //
};

const BAR: &str = "==================================================================";

/// How many stacks of maps or unmaps a report shows.
const STACKS: usize = 3;

/// Kinds of bugs.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Freed,
    Allocated,
    Leak,
    Unbound,
    Underflow,
    Oversized,
    Overwritten,
    Overflow,
}

/// How many reports of each kind there were, printed or not.
static SEEN: [Atomic<u64>; Kind::ALL.len()] = [const { Atomic::new(0) }; Kind::ALL.len()];

impl Kind {
    pub(crate) const ALL: [Self; 8] = [
        Self::Freed,
        Self::Allocated,
        Self::Leak,
        Self::Unbound,
        Self::Underflow,
        Self::Oversized,
        Self::Overwritten,
        Self::Overflow,
    ];

    pub(crate) fn name(self) -> &'static str {
        self.c_name().to_str().unwrap_or("")
    }

    fn c_name(self) -> &'static CStr {
        match self {
            Self::Freed => c"freed-while-mapped",
            Self::Allocated => c"allocated-while-mapped",
            Self::Leak => c"leak-at-domain-end",
            Self::Unbound => c"leak-at-unbind",
            Self::Underflow => c"unmap-underflow",
            Self::Oversized => c"oversized-unmap",
            Self::Overwritten => c"overwritten-live-entry",
            Self::Overflow => c"count-overflow",
        }
    }

    /// The function that a report is about: who does it, or who has failed to do something.
    fn culprit(self, spans: &Spans) -> Option<Frame> {
        match self {
            Self::Unbound => spans
                .kept()
                .first()
                .and_then(|span| origins::of(span.first).made)
                .and_then(|made| made.event.stack)
                .and_then(Stack::culprit),
            _ => culprit(),
        }
    }

    /// How many reports there were.
    pub(crate) fn seen(self) -> u64 {
        // CAST: Which of them it is.
        SEEN.get(self as usize).map_or(0, |seen| seen.load(Relaxed))
    }

    /// Counts one, and tells tracers. Returns whether it is to be printed.
    fn see(self, spans: &Spans, wanted: bool) -> bool {
        // CAST: As above.
        if let Some(seen) = SEEN.get(self as usize) {
            seen.fetch_add(1, Relaxed);
        }
        let may = limit::may_print(wanted);
        let first = spans.kept().first();
        // SAFETY: The name is a string that ends with a null character.
        unsafe {
            bindings::iommu_debug_trace(
                self.c_name().as_char_ptr(),
                first.map_or(0, |span| span.first.0),
                spans.pages(),
                first.map_or(0, |span| span.translations),
                may,
            );
        }
        may
    }
}

/// Whether a test wants to see reports, and is not to fail because of them.
#[cfg(CONFIG_IOMMU_DEBUG_PAGEALLOC_KUNIT_TEST)]
pub(crate) static EXPECTED: Atomic<bool> = Atomic::new(false);

/// Makes the test fail that is running, if there is one.
fn fail_test() {
    #[cfg(CONFIG_IOMMU_DEBUG_PAGEALLOC_KUNIT_TEST)]
    if EXPECTED.load(Relaxed) {
        return;
    }
    // SAFETY: No requirements.
    unsafe { bindings::iommu_debug_fail_test() };
}

/// A report that is being printed.
struct Report {
    first: u64,
    now: Moment,
    told: [Option<Stack>; STACKS],
}

impl Report {
    /// Prints the title. `None` if the report is not to be printed.
    fn begin(kind: Kind, spans: &Spans) -> Option<Self> {
        Self::begin_if(filter::wants(spans), kind, spans)
    }

    fn begin_if(wanted: bool, kind: Kind, spans: &Spans) -> Option<Self> {
        if !kind.see(spans, wanted) {
            return None;
        }
        line!("{}", BAR);
        match kind.culprit(spans) {
            Some(function) => line!("BUG: DMASAN: {} in {}", kind.name(), function),
            None => line!("BUG: DMASAN: {}", kind.name()),
        }
        Some(Self {
            first: spans.kept().first().map_or(0, |span| span.first.0),
            now: Moment::now(),
            told: [None; STACKS],
        })
    }

    fn spans(&self, label: &str, spans: &Spans) {
        let mut pages = 0;
        for span in spans.kept() {
            line!("{}: {}", label, Described(span));
            pages += span.pages();
        }
        let more = spans.spans() - spans.kept().len() as u64;
        if more != 0 {
            line!(
                "more: {}, {}",
                Counted(more, "run"),
                Counted(spans.pages() - pages, "page")
            );
        }
    }

    /// Who has mapped the pages.
    fn mapped_by(&mut self, spans: &Spans) {
        self.origins(spans, |report, span| {
            let origin = origins::of(span.first);
            match (origin.made, origin.former) {
                (Some(made), _) => report.made(&made, ""),
                (None, Some(former)) => report.made(&former, ", unmapped since"),
                // Nobody would know why.
                (None, None) if !origins::are_kept() => (),
                (None, None) => line!("mapping: origin not recorded"),
            }
        });
    }

    /// Who has unmapped them before.
    fn unmapped_by(&mut self, spans: &Spans) {
        self.origins(spans, |report, span| {
            if let Some(gone) = origins::of(span.first).gone {
                report.event("unmapped by", &gone);
            }
        });
    }

    fn origins(&mut self, spans: &Spans, mut tell: impl FnMut(&mut Self, &Span)) {
        for span in spans.kept() {
            if self.told.iter().all(Option::is_some) {
                return;
            }
            tell(self, span);
        }
    }

    fn made(&mut self, made: &Made, since: &str) {
        if self.is_told(&made.event) {
            return;
        }
        let Made { iova, bytes, .. } = made;
        match domains::known(made.domain) {
            Some(domain) => line!("mapping: iova {iova:#x}, {bytes} bytes, {domain}{since}"),
            None => line!("mapping: iova {iova:#x}, {bytes} bytes{since}"),
        }
        self.event("mapped by", &made.event);
    }

    fn event(&mut self, verb: &str, event: &Event) {
        if self.is_told(event) {
            return;
        }
        let Some(stack) = event.stack else {
            line!("{verb}: stack not recorded");
            return;
        };
        let told = Told {
            moment: event.moment,
            comm: stack.comm(),
            now: Some(self.now),
        };
        line!("{verb}: {told}");
        stack.for_each(|frame| line!(" {frame}"));
        if let Some(free) = self.told.iter_mut().find(|told| told.is_none()) {
            *free = Some(stack);
        }
    }

    /// Whether the stack has been printed: one loop may have mapped all of the pages.
    fn is_told(&self, event: &Event) -> bool {
        event.stack.is_some() && self.told.contains(&event.stack)
    }

    /// Who is at it now, and where in the code.
    fn here(&self, verb: &str) {
        let told = Told {
            moment: self.now,
            comm: Comm::current(),
            now: None,
        };
        line!("{verb}: {told}");
        put_task();
        line!("Call Trace:");
        for_each_here(|frame| line!(" {frame}"));
    }

    fn end(self) {
        line!("{}", BAR);
        fail_test();
        // SAFETY: No requirements. The page allocator's own lists can no longer be trusted to hold
        // pages that nobody writes to.
        unsafe {
            bindings::add_taint(
                bindings::TAINT_BAD_PAGE,
                bindings::lockdep_ok_LOCKDEP_STILL_OK,
            );
            bindings::iommu_debug_trace_end(self.first);
            bindings::check_panic_on_warn(c"DMASAN".as_char_ptr());
        }
        boot::panic_if_wanted();
    }
}

/// Pages that a device can still reach change hands.
///
/// # Safety
///
/// `page` must be the first page of `pages`.
#[cold]
pub(crate) unsafe fn mapped(
    page: *const bindings::page,
    pages: PageRange,
    mapped: &Spans,
    freed: bool,
) {
    let (kind, verb) = if freed {
        (Kind::Freed, "freed by")
    } else {
        (Kind::Allocated, "allocated by")
    };
    let Some(mut report) = Report::begin(kind, mapped) else {
        return;
    };
    let first = pages.first().0;
    line!(
        "page: pfn {:#x}, phys {:#x}, order {}",
        first,
        first * PAGE_SIZE as u64,
        pages.count().ilog2()
    );
    report.spans("mapped", mapped);
    report.mapped_by(mapped);
    report.here(verb);
    // SAFETY: By the safety requirement.
    unsafe { bindings::dump_page_owner(page) };
    report.end();
}

/// A domain has ended with translations in it.
#[cold]
pub(crate) fn leak(leaks: &Spans) {
    let Some(mut report) = Report::begin(Kind::Leak, leaks) else {
        return;
    };
    line!(
        "leak: {} in {} still mapped when the domain was freed",
        Counted(leaks.pages(), "page"),
        Counted(leaks.spans(), "run")
    );
    report.spans("mapped", leaks);
    report.mapped_by(leaks);
    report.here("ended by");
    report.end();
}

/// A driver has let go of its device, and not of memory that it has mapped for it.
#[cold]
pub(crate) fn unbound(leaks: &Spans) {
    let Some(mut report) = Report::begin(Kind::Unbound, leaks) else {
        return;
    };
    line!(
        "leak: {} in {} still mapped when the driver was unbound",
        Counted(leaks.pages(), "page"),
        Counted(leaks.spans(), "run")
    );
    report.spans("mapped", leaks);
    report.mapped_by(leaks);
    report.here("unbound by");
    report.end();
}

/// Translations have gone that had not been counted.
#[cold]
pub(crate) fn underflow(missing: &Spans) {
    let Some(mut report) = Report::begin(Kind::Underflow, missing) else {
        return;
    };
    line!(
        "underflow: {} in {} unmapped more often than mapped",
        Counted(missing.pages(), "page"),
        Counted(missing.spans(), "run")
    );
    report.spans("unmapped", missing);
    report.unmapped_by(missing);
    report.here("found by");
    report.end();
}

/// An unmap has removed more than it was asked to, in domain `number`.
#[cold]
pub(crate) fn oversized(number: u32, iova: u64, asked: u64, unmapped: u64) {
    let wanted = filter::wants_domain(number);
    let Some(report) = Report::begin_if(wanted, Kind::Oversized, &Spans::new()) else {
        return;
    };
    line!("oversized: {asked} bytes at iova {iova:#x} asked for, {unmapped} bytes unmapped");
    if let Some(domain) = domains::known(number) {
        line!("mapping: iova {iova:#x}, {unmapped} bytes, {domain}");
    }
    report.here("unmapped too much by");
    report.end();
}

/// A driver has written over entries that were still live.
#[cold]
pub(crate) fn overwritten(lost: &Spans) {
    let Some(mut report) = Report::begin(Kind::Overwritten, lost) else {
        return;
    };
    line!(
        "overwritten: {} in {} mapped over without an unmap",
        Counted(lost.pages(), "page"),
        Counted(lost.spans(), "run")
    );
    report.spans("mapped", lost);
    report.mapped_by(lost);
    report.here("mapped over by");
    report.end();
}

/// Pages have more translations than can be counted, and are left alone from now on.
#[cold]
pub(crate) fn overflow(saturated: &Spans) {
    let Some(mut report) = Report::begin(Kind::Overflow, saturated) else {
        return;
    };
    line!(
        "overflow: {} in {} mapped too often to be counted",
        Counted(saturated.pages(), "page"),
        Counted(saturated.spans(), "run")
    );
    report.spans("mapped", saturated);
    report.mapped_by(saturated);
    report.here("mapped again by");
    report.end();
}
