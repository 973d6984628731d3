// SPDX-License-Identifier: GPL-2.0-only

//! A driver that unmaps less than it has mapped: the length of the packet, not of the buffer.

use kernel::{
    page::PAGE_SIZE,
    prelude::*, //
};

use crate::{
    device::Edu,
    next_owner::NextOwner,
    support::{
        Pages,
        Stage, //
    },
};

pub(crate) fn bug(stage: &Stage, edu: &Edu<'_>) -> Result {
    let buffer = Pages::new(1)?;
    let mapping = edu.map(&buffer, buffer.size())?;
    edu.write(mapping)?;
    let (packet, rest) = mapping.split_at(PAGE_SIZE);
    edu.unmap(packet);

    stage.expect_report(buffer.pfns_of(1..2))?;
    let phys = buffer.phys();
    drop(buffer);

    let owner = NextOwner::of(phys, 1)?;
    edu.write(rest)?;
    stage.witness(owner.overwritten());

    edu.unmap(rest);
    Ok(())
}

pub(crate) fn twin(stage: &Stage, edu: &Edu<'_>) -> Result {
    let buffer = Pages::new(1)?;
    let mapping = edu.map(&buffer, buffer.size())?;
    edu.write(mapping)?;

    stage.expect_silence()?;
    edu.unmap(mapping);
    let phys = buffer.phys();
    drop(buffer);

    let owner = NextOwner::of(phys, 1)?;
    stage.witness(owner.overwritten());
    Ok(())
}
