// SPDX-License-Identifier: GPL-2.0-only

//! A driver that maps a buffer for two requests and unmaps it when the first is done.

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
    let first = edu.map(&buffer, buffer.size())?;
    let second = edu.map(&buffer, buffer.size())?;
    edu.write(first)?;
    edu.unmap(first);

    stage.expect_report(buffer.pfns())?;
    drop(buffer);

    let owner = NextOwner::of(phys, 0)?;
    edu.write(second)?;
    stage.witness(owner.overwritten());

    edu.unmap(second);
    Ok(())
}

pub(crate) fn twin(stage: &Stage, edu: &Edu<'_>) -> Result {
    let buffer = Pages::new(0)?;
    let phys = buffer.phys();
    let first = edu.map(&buffer, buffer.size())?;
    let second = edu.map(&buffer, buffer.size())?;
    stage.expect_silence()?;
    for mapping in [first, second] {
        edu.write(mapping)?;
        edu.unmap(mapping);
    }
    drop(buffer);

    let owner = NextOwner::of(phys, 0)?;
    stage.witness(owner.overwritten());
    Ok(())
}
