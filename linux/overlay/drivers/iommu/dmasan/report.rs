// SPDX-License-Identifier: GPL-2.0-only

//! What a finding looks like in the kernel log.

use crate::engine::{PageRange, Span, Spans};
use kernel::{
    bindings,
    ffi::c_void,
    fmt,
    page::PAGE_SIZE,
    prelude::*, //
};

const BAR: &str = "==================================================================";

/// Prints one line, with no prefix: reports are found by how their lines begin.
fn line(args: fmt::Arguments<'_>) {
    // Without a log there is nobody to tell.
    #[cfg(not(CONFIG_PRINTK))]
    let _ = args;

    // SAFETY: The format ends with a null character and asks for the one argument that it gets.
    #[cfg(CONFIG_PRINTK)]
    unsafe {
        bindings::_printk(
            c"\x013%pA\n".as_char_ptr(),
            core::ptr::from_ref(&args).cast::<c_void>(),
        );
    }
}

macro_rules! line {
    ($($arg:tt)*) => { line(fmt!($($arg)*)) };
}

fn begin(kind: &str) {
    line!("{}", BAR);
    line!("BUG: DMASAN: {}", kind);
}

fn spans(label: &str, spans: &Spans) {
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

fn end() {
    line!("{}", BAR);
    // SAFETY: No requirements. The stack below shows where; the page allocator's own lists can no
    // longer be trusted to hold pages that nobody writes to.
    unsafe {
        bindings::add_taint(
            bindings::TAINT_BAD_PAGE,
            bindings::lockdep_ok_LOCKDEP_STILL_OK,
        );
        bindings::check_panic_on_warn(c"DMASAN".as_char_ptr());
    }
}

fn stack() {
    // SAFETY: No requirements.
    unsafe { bindings::dump_stack() };
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
    begin(if freed {
        "freed-while-mapped"
    } else {
        "allocated-while-mapped"
    });
    let first = pages.first().0;
    line!(
        "page: pfn {:#x}, phys {:#x}, order {}",
        first,
        first * PAGE_SIZE as u64,
        pages.count().ilog2()
    );
    spans("mapped", mapped);
    stack();
    // SAFETY: By the safety requirement.
    unsafe { bindings::dump_page_owner(page) };
    end();
}

/// A domain has ended with translations in it.
#[cold]
pub(crate) fn leak(leaks: &Spans) {
    begin("leak-at-domain-end");
    line!(
        "leak: {} in {} still mapped when the domain was freed",
        Counted(leaks.pages(), "page"),
        Counted(leaks.spans(), "run")
    );
    spans("mapped", leaks);
    stack();
    end();
}

/// Translations have gone that had not been counted.
#[cold]
pub(crate) fn underflow(missing: &Spans) {
    begin("unmap-underflow");
    line!(
        "underflow: {} in {} unmapped more often than mapped",
        Counted(missing.pages(), "page"),
        Counted(missing.spans(), "run")
    );
    spans("unmapped", missing);
    stack();
    end();
}

/// A driver has written over entries that were still live.
#[cold]
pub(crate) fn overwritten(lost: &Spans) {
    begin("overwritten-live-entry");
    line!(
        "overwritten: {} in {} mapped over without an unmap",
        Counted(lost.pages(), "page"),
        Counted(lost.spans(), "run")
    );
    spans("mapped", lost);
    stack();
    end();
}

/// Pages have more translations than can be counted, and are left alone from now on.
#[cold]
pub(crate) fn overflow(saturated: &Spans) {
    begin("count-overflow");
    line!(
        "overflow: {} in {} mapped too often to be counted",
        Counted(saturated.pages(), "page"),
        Counted(saturated.spans(), "run")
    );
    spans("mapped", saturated);
    stack();
    end();
}

/// A number with its noun.
struct Counted(u64, &'static str);

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.0 == 1 { "" } else { "s" };
        f.write_fmt(fmt!("{} {}{}", self.0, self.1, plural))
    }
}

/// A span as `pfn 0x..-0x.., 3 pages, 4 translations`.
struct Described<'a>(&'a Span);

impl fmt::Display for Described<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let span = self.0;
        f.write_fmt(fmt!(
            "pfn {:#x}-{:#x}, {}, {}",
            span.first.0,
            span.last.0,
            Counted(span.pages(), "page"),
            Counted(span.translations, "translation")
        ))
    }
}
