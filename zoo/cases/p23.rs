// SPDX-License-Identifier: GPL-2.0-only

//! A driver with two threads that do not wait for each other: one maps a page or unmaps it, the other frees it.
//!
//! In the middle of a map the device can reach the page already, and in the middle of an unmap it still can.
//! That somebody frees just then is not left to chance: the table does it, in the call that writes its entries.
//! So the format does not matter, as in the case of the live entry that is written over.

use kernel::prelude::*;

use crate::support::{
    Domain,
    Iova,
    Pages,
    Stage, //
};

const SLOT: Iova = Iova::page(5);

pub(crate) fn bug(stage: &Stage) -> Result {
    let device = Domain::overwriting()?;

    let page = Pages::new(0)?;
    let (phys, bytes) = (page.phys(), page.size());
    stage.expect_report(page.pfns())?;
    device.free_meanwhile(page)?;
    device.map(SLOT, phys, bytes)?;
    stage.expect_no_more()?;
    device.unmap_exactly(SLOT, bytes)?;

    let page = Pages::new(0)?;
    device.map(SLOT, page.phys(), bytes)?;
    stage.expect_report(page.pfns())?;
    device.free_meanwhile(page)?;
    device.unmap_exactly(SLOT, bytes)?;
    stage.expect_no_more()
}

pub(crate) fn twin(stage: &Stage) -> Result {
    let device = Domain::overwriting()?;
    stage.expect_silence()?;

    // Another page is freed meanwhile, and this one when nobody can reach it.
    let page = Pages::new(0)?;
    device.free_meanwhile(Pages::new(0)?)?;
    device.map(SLOT, page.phys(), page.size())?;
    device.free_meanwhile(Pages::new(0)?)?;
    device.unmap_exactly(SLOT, page.size())?;
    drop(page);
    Ok(())
}
