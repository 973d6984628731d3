// SPDX-License-Identifier: GPL-2.0-only

//! Whoever gets a page after a driver has freed it.

use core::{
    ptr,
    slice, //
};

use kernel::{
    bindings,
    error::to_result,
    io::PhysAddr,
    prelude::*,
    task::Task, //
};

use crate::support::Pages;

/// What the next owner keeps in its page.
const PRECIOUS: u8 = 0x5a;
/// How many blocks are allocated at most until the freed one is among them.
const PATIENCE: usize = 2048;

/// Keeps the current task on the first processor: what is freed on one is what is allocated on it next, and
/// may never be found on another.
pub(crate) fn stay_here() -> Result {
    let mut first = bindings::cpumask::default();
    if let Some(word) = first.bits.first_mut() {
        *word = 1;
    }
    // SAFETY: The current task exists, and may change its own processors.
    to_result(unsafe { bindings::set_cpus_allowed_ptr(Task::current_raw(), &first) })
}

/// Somebody who has nothing to do with the device, and keeps data in the pages that were freed.
pub(crate) struct NextOwner {
    pages: Pages,
}

impl NextOwner {
    /// Allocates blocks of `1 << order` pages until one of them is the one at `phys`; the others are
    /// freed again.
    pub(crate) fn of(phys: PhysAddr, order: u32) -> Result<Self> {
        let mut others = KVec::new();
        for _ in 0..PATIENCE {
            let pages = Pages::new(order)?;
            if pages.phys() == phys {
                let owner = Self { pages };
                owner.with(|data| data.fill(PRECIOUS));
                return Ok(owner);
            }
            others.push(pages, GFP_KERNEL)?;
        }
        Err(EAGAIN)
    }

    /// How many bytes of its data somebody else has written over.
    pub(crate) fn overwritten(&self) -> usize {
        self.with(|data| {
            data.iter()
                // SAFETY: A reference is valid. The device may have written: the compiler must not assume
                // what it knows of `fill`.
                .filter(|byte| unsafe { ptr::read_volatile(*byte) } != PRECIOUS)
                .count()
        })
    }

    fn with<T>(&self, look: impl FnOnce(&mut [u8]) -> T) -> T {
        // SAFETY: The page is allocated for as long as `self` lives.
        let address = unsafe { bindings::kmap_local_page(self.pages.as_ptr()) };
        // SAFETY: It is mapped there, and on 64-bit machines, the only ones that have the device, so are
        // the pages that follow. Nobody else on a CPU knows of them.
        let data = unsafe { slice::from_raw_parts_mut(address.cast(), self.pages.size()) };
        let result = look(data);
        // SAFETY: It was mapped above, by this thread and as the last.
        unsafe { bindings::kunmap_local(address) };
        result
    }
}
