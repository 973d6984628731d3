// SPDX-License-Identifier: GPL-2.0-only

//! Pages that were freed, and whoever gets them next.

use kernel::{
    bindings,
    cpu::CpuId,
    cpumask::CpumaskVar,
    error::to_result,
    io::PhysAddr,
    page::PAGE_SIZE,
    prelude::*,
    sizes::SZ_32M, //
};

use super::Pages;

/// How much of others' memory is taken at most to get hold of a page: far more than lies before it on a processor's list.
const MOST: usize = SZ_32M;

/// How often that is tried.
const ROUNDS: usize = 4;

/// Stays on this processor from now on: a page that is freed on one is not soon allocated on another.
pub(crate) fn stay_here() -> Result {
    let mut here = CpumaskVar::new_zero(GFP_KERNEL)?;
    here.set(CpuId::current());
    // SAFETY: The task is the caller, and the mask is valid.
    to_result(unsafe { bindings::set_cpus_allowed_ptr(current!().as_ptr(), here.as_raw()) })
}

impl Pages {
    /// Allocates the `1 << order` pages at `phys`, which are free.
    ///
    /// A page that is freed waits on a list for its kind of memory. Where a block of one kind is as large as all of
    /// memory (512M, if a page is 64K), that need not be the list that pages are taken from: then it comes back when
    /// others that are freed after it have driven it out.
    ///
    /// Fails with [`EAGAIN`] if somebody else has them.
    pub(crate) fn at(phys: PhysAddr, order: u32) -> Result<Self> {
        for _ in 0..ROUNDS {
            // It takes no memory as long as it is empty.
            let mut others = KVVec::new();
            for _ in 0..MOST / (PAGE_SIZE << order) {
                let pages = Self::new(order)?;
                if pages.phys() == phys {
                    return Ok(pages);
                }
                others.push(pages, GFP_KERNEL)?;
            }
        }
        Err(EAGAIN)
    }
}
