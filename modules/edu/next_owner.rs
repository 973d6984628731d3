// SPDX-License-Identifier: GPL-2.0-only

//! Whoever gets a page after a driver has freed it.

use core::{
    ptr,
    slice, //
};

use kernel::{
    bindings,
    io::PhysAddr,
    prelude::*, //
};

use crate::support::Pages;

/// What the next owner keeps in its page.
const PRECIOUS: u8 = 0x5a;

/// Somebody who has nothing to do with the device, and keeps data in the pages that were freed.
pub(crate) struct NextOwner {
    pages: Pages,
}

impl NextOwner {
    /// Whoever gets the `1 << order` pages at `phys`, which have been freed.
    pub(crate) fn of(phys: PhysAddr, order: u32) -> Result<Self> {
        let owner = Self {
            pages: Pages::at(phys, order)?,
        };
        owner.with(|data| data.fill(PRECIOUS));
        Ok(owner)
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
