// SPDX-License-Identifier: GPL-2.0-only

//! Allocating and freeing pages.

use kernel::prelude::*;

use crate::{
    clock::{
        self,
        Overhead, //
    },
    measure::Pair,
    support::Pages,
};

/// A block of `1 << order` pages is allocated and freed. The pages are not zeroed.
pub(crate) struct Allocation {
    pub(crate) order: u32,
    pub(crate) clock: Overhead,
    /// How long they stay allocated, and stay free, in units of the clock.
    pub(crate) pause: u64,
}

impl Pair for Allocation {
    fn once(&mut self) -> Result<(u64, u64)> {
        let begin = clock::now();
        let pages = Pages::with_flags(self.order, 0)?;
        let allocated = clock::now();
        let again = allocated.after(self.pause);
        drop(pages);
        let freed = clock::now();
        freed.after(self.pause);
        Ok((
            begin.until(allocated, self.clock),
            again.until(freed, self.clock),
        ))
    }
}
