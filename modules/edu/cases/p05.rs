// SPDX-License-Identifier: GPL-2.0-only

//! A driver that maps a buffer for its device and unmaps it for the device's parent.
//!
//! Network drivers have two devices at hand, and only one of them is behind the IOMMU.

use kernel::prelude::*;

use crate::{
    device::Edu,
    next_owner::NextOwner,
    support::{
        Pages,
        Stage, //
    },
};

pub(crate) fn bug(stage: &Stage, edu: &Edu<'_>) -> Result {
    let buffer = Pages::new(0)?;
    let phys = buffer.phys();
    let mapping = edu.map(&buffer, buffer.size())?;
    edu.write(mapping)?;
    edu.unmap_for_parent(mapping);

    stage.expect_report(buffer.pfns())?;
    drop(buffer);

    let owner = NextOwner::of(phys, 0)?;
    edu.write(mapping)?;
    stage.witness(owner.overwritten());

    edu.unmap(mapping);
    Ok(())
}

pub(crate) fn twin(stage: &Stage, edu: &Edu<'_>) -> Result {
    let buffer = Pages::new(0)?;
    let phys = buffer.phys();
    let mapping = edu.map(&buffer, buffer.size())?;
    edu.write(mapping)?;

    stage.expect_silence()?;
    edu.unmap(mapping);
    drop(buffer);

    let owner = NextOwner::of(phys, 0)?;
    stage.witness(owner.overwritten());
    Ok(())
}
