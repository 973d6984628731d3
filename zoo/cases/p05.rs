// SPDX-License-Identifier: GPL-2.0-only

//! A network driver that maps a buffer for one device and unmaps it for another.
//!
//! The shape of the arc emac bug (CVE-2024-50295): the driver knows two `struct device`, its own
//! and that of the net device, and uses each of them once. IOVA allocators work per domain, so
//! the same address is likely in use on both sides: the unmap takes an innocent mapping of the
//! other device away, and the page that is freed stays mapped.

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

/// The first address of either domain.
const SLOT: Iova = Iova(0);

/// A buffer of one page, posted to a device.
fn post(device: &Domain) -> Result<Pages> {
    let buffer = Pages::new(0)?;
    device.map(SLOT, buffer.phys(), buffer.size())?;
    Ok(buffer)
}

pub(crate) fn bug(stage: &Stage) -> Result {
    let emac = Domain::new(stage.format())?;
    let other = Domain::new(stage.format())?;
    let buffer = post(&emac)?;
    let innocent = post(&other)?;

    other.unmap_exactly(SLOT, PAGE_SIZE)?;
    stage.expect_report(buffer.pfns())?;
    drop(buffer);
    drop(innocent);

    emac.unmap_exactly(SLOT, PAGE_SIZE)
}

pub(crate) fn twin(stage: &Stage) -> Result {
    let emac = Domain::new(stage.format())?;
    let other = Domain::new(stage.format())?;
    let buffer = post(&emac)?;
    let innocent = post(&other)?;

    stage.expect_silence()?;
    emac.unmap_exactly(SLOT, PAGE_SIZE)?;
    drop(buffer);
    other.unmap_exactly(SLOT, PAGE_SIZE)?;
    drop(innocent);
    Ok(())
}
