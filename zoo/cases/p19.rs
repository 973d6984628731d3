// SPDX-License-Identifier: GPL-2.0-only

//! A driver that maps a new buffer where the old one still is, on an IOMMU that lets it.
//!
//! Most page tables refuse. Those of Tegra, s390 and Spreadtrum write over the entry, and nobody
//! ever unmaps the old page: its translation is gone, and its count would stay. What is to be
//! reported is the map, not the innocent free of the old page later. Virtio-iommu takes both and
//! goes by the first: there it is the new page that nobody can reach. The format does not matter,
//! as none of those that the other cases run on lets it happen.

use kernel::prelude::*;

use crate::support::{
    Domain,
    Iova,
    Pages,
    Stage, //
};

const SLOT: Iova = Iova::page(3);

/// Shows a new frame to the device.
fn show(display: &Domain) -> Result<Pages> {
    let frame = Pages::new(0)?;
    display.map(SLOT, frame.phys(), frame.size())?;
    Ok(frame)
}

pub(crate) fn bug(stage: &Stage) -> Result {
    let display = Domain::overwriting()?;
    let old = show(&display)?;

    stage.expect_report(old.pfns())?;
    let new = show(&display)?;
    stage.expect_no_more()?;
    drop(old);
    display.unmap_exactly(SLOT, new.size())?;

    let display = Domain::keeping()?;
    let old = show(&display)?;
    stage.expect_report(old.pfns())?;
    let new = show(&display)?;
    stage.expect_no_more()?;
    drop(new);
    display.unmap_exactly(SLOT, old.size())?;
    drop(old);
    stage.expect_no_more()
}

pub(crate) fn twin(stage: &Stage) -> Result {
    let display = Domain::overwriting()?;
    let old = show(&display)?;

    stage.expect_silence()?;
    display.unmap_exactly(SLOT, old.size())?;
    let new = show(&display)?;
    drop(old);

    display.unmap_exactly(SLOT, new.size())
}
