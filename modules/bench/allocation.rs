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
}

impl Pair for Allocation {
    fn once(&mut self) -> Result<(u64, u64)> {
        let begin = clock::now();
        let pages = Pages::with_flags(self.order, 0)?;
        let allocated = clock::now();
        drop(pages);
        let freed = clock::now();
        Ok((
            begin.until(allocated, self.clock),
            allocated.until(freed, self.clock),
        ))
    }
}
