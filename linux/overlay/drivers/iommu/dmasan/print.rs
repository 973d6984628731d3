// SPDX-License-Identifier: GPL-2.0-only

//! Lines of the kernel log.

use crate::engine::Span;
#[cfg(CONFIG_PRINTK)]
use kernel::{
    bindings,
    ffi::c_void, //
};
use kernel::{
    fmt,
    prelude::*, //
};

/// Prints one line, with no prefix: reports are found by how their lines begin.
pub(crate) fn put(args: fmt::Arguments<'_>) {
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

/// Prints what the kernel says of the task, the machine and itself wherever it shows a stack.
pub(crate) fn put_task() {
    #[cfg(CONFIG_PRINTK)]
    // SAFETY: The level is a string that ends with a null character.
    unsafe {
        bindings::dump_stack_print_info(c"\x013".as_char_ptr())
    };
}

macro_rules! line {
    ($($arg:tt)*) => { $crate::print::put(kernel::prelude::fmt!($($arg)*)) };
}
pub(crate) use line;

/// A number with its noun.
pub(crate) struct Counted(pub(crate) u64, pub(crate) &'static str);

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.0 == 1 { "" } else { "s" };
        f.write_fmt(fmt!("{} {}{}", self.0, self.1, plural))
    }
}

/// A span as `pfn 0x..-0x.., 3 pages, 4 translations`.
pub(crate) struct Described<'a>(pub(crate) &'a Span);

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
