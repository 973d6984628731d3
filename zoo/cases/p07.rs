// SPDX-License-Identifier: GPL-2.0-only

//! A driver that goes away, domain and all, and leaves its mappings behind.
//!
//! The shape of page_pool `ee62ce7a1d90` and io_uring zcrx `f12ecf5e1c5e`: pages are still out
//! with somebody when the device is torn down, and nobody ever unmaps them. The domain's end is
//! the last moment at which the leak can be told from a page in proper use. The pages come back
//! later, when no table leads to them any more, and their holder is innocent.

use kernel::prelude::*;

use crate::support::{
    Domain,
    Iova,
    Pages,
    Stage, //
};

/// Beyond what a 32-bit device reaches.
const POOL: Iova = Iova(0x1_0000_0000);

/// A pool of sixteen pages for an interface.
fn fill_pool(interface: &Domain) -> Result<Pages> {
    let pages = Pages::new(4)?;
    interface.map(POOL, pages.phys(), pages.size())?;
    Ok(pages)
}

pub(crate) fn bug(stage: &Stage) -> Result {
    let interface = Domain::new(stage.format())?;
    let held = fill_pool(&interface)?;

    stage.expect_report(held.pfns())?;
    drop(interface);

    stage.expect_no_more()?;
    drop(held);
    Ok(())
}

pub(crate) fn twin(stage: &Stage) -> Result {
    let interface = Domain::new(stage.format())?;
    let held = fill_pool(&interface)?;

    stage.expect_silence()?;
    interface.unmap_exactly(POOL, held.size())?;
    drop(interface);
    drop(held);
    Ok(())
}
