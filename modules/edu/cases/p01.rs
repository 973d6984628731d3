// SPDX-License-Identifier: GPL-2.0-only

//! A driver whose error path frees the buffer of a request and forgets to unmap it.
//!
//! The device was told of the buffer before the error, and writes to it later. By then the page belongs
//! to somebody else.

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

    stage.expect_silence()?;
    edu.write(mapping)?;
    edu.unmap(mapping);
    drop(buffer);

    let owner = NextOwner::of(phys, 0)?;
    stage.witness(owner.overwritten());
    Ok(())
}
