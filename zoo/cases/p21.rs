// SPDX-License-Identifier: GPL-2.0-only

//! A driver that frees a page while it is mapped, and the innocent owners that the page has afterwards.
//!
//! None of them has mapped it, and none of them is to be blamed: the page was reported when it was freed.
//! Once the stale translation is gone, the page is like any other, and the next driver that frees it
//! while it is mapped is reported again.

use kernel::prelude::*;

use crate::support::{
    Domain,
    Iova,
    Pages,
    Stage, //
};

const BUFFER: Iova = Iova(0x7000);

/// How many owners the page has.
const OWNERS: usize = 20;

/// A page, and its neighbour, which stays: so the page does not become part of a larger block when it is freed.
fn page_and_neighbour() -> Result<(Pages, KVec<Pages>)> {
    let mut pages = Pages::new(1)?.split()?;
    let page = pages.pop().ok_or(ENOENT)?;
    Ok((page, pages))
}

pub(crate) fn bug(stage: &Stage) -> Result {
    let device = Domain::new(stage.format())?;
    let (buffer, _neighbour) = page_and_neighbour()?;
    let (phys, bytes) = (buffer.phys(), buffer.size());
    device.map(BUFFER, phys, bytes)?;

    stage.expect_report(buffer.pfns())?;
    drop(buffer);
    stage.expect_no_more()?;
    for _ in 0..OWNERS {
        drop(Pages::at(phys, 0)?);
    }
    device.unmap_exactly(BUFFER, bytes)?;

    let buffer = Pages::at(phys, 0)?;
    device.map(BUFFER, phys, bytes)?;
    stage.expect_report(buffer.pfns())?;
    drop(buffer);
    stage.expect_no_more()?;
    device.unmap_exactly(BUFFER, bytes)
}

pub(crate) fn twin(stage: &Stage) -> Result {
    let device = Domain::new(stage.format())?;
    let (buffer, _neighbour) = page_and_neighbour()?;
    let (phys, bytes) = (buffer.phys(), buffer.size());
    device.map(BUFFER, phys, bytes)?;

    stage.expect_silence()?;
    device.unmap_exactly(BUFFER, bytes)?;
    drop(buffer);
    for _ in 0..OWNERS {
        drop(Pages::at(phys, 0)?);
    }

    let buffer = Pages::at(phys, 0)?;
    device.map(BUFFER, phys, bytes)?;
    device.unmap_exactly(BUFFER, bytes)
}
