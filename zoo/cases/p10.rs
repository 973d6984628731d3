// SPDX-License-Identifier: GPL-2.0-only

//! A network driver that maps a page twice and unmaps it once.
//!
//! A received page is sent straight back out, as XDP does: mapped once for the receive ring and
//! once more for the transmit ring. The transmit completion undoes its own mapping and frees
//! the page; nobody has undone the first one.

use kernel::{
    page::PAGE_SIZE,
    prelude::*, //
};

use crate::support::{
    Domain,
    Iova,
    Pages,
    Stage, //
};

const RECEIVE: Iova = Iova(0x5000_0000);
/// Far away, so that the two translations share no lower table.
const TRANSMIT: Iova = Iova(0x6000_0000_0000);

/// A page on its way out again, mapped for both rings.
fn bounce(nic: &Domain) -> Result<Pages> {
    let page = Pages::new(0)?;
    nic.map(RECEIVE, page.phys(), page.size())?;
    nic.map(TRANSMIT, page.phys(), page.size())?;
    Ok(page)
}

pub(crate) fn bug(stage: &Stage) -> Result {
    let nic = Domain::new(stage.format())?;
    let page = bounce(&nic)?;

    nic.unmap_exactly(TRANSMIT, PAGE_SIZE)?;
    stage.expect_report(page.pfns())?;
    drop(page);

    nic.unmap_exactly(RECEIVE, PAGE_SIZE)
}

pub(crate) fn twin(stage: &Stage) -> Result {
    let nic = Domain::new(stage.format())?;
    let page = bounce(&nic)?;

    stage.expect_silence()?;
    nic.unmap_exactly(TRANSMIT, PAGE_SIZE)?;
    nic.unmap_exactly(RECEIVE, PAGE_SIZE)?;
    drop(page);
    Ok(())
}
