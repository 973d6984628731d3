// SPDX-License-Identifier: GPL-2.0-only

//! Every free page goes through the page allocator's checks.

use kernel::{
    bindings,
    prelude::*, //
};

use crate::support::Pages;

/// More blocks than memory is ever cut into: 1 GiB of single pages.
const MOST: usize = 1 << 18;

/// Allocates all memory that can be had without driving anything out, and frees it again. Returns
/// how many pages that were.
pub(crate) fn drain() -> Result<usize> {
    // Before there is no memory left for it.
    let mut blocks = KVVec::with_capacity(MOST, GFP_KERNEL)?;
    let flags = bindings::__GFP_NOWARN | 1 << bindings::___GFP_NORETRY_BIT;
    let mut pages = 0;
    for order in (0..=bindings::MAX_PAGE_ORDER).rev() {
        while blocks.len() < MOST {
            let Ok(block) = Pages::with_flags(order, flags) else {
                break;
            };
            pages += 1 << order;
            blocks.push_within_capacity(block)?;
        }
    }
    Ok(pages)
}
