// SPDX-License-Identifier: GPL-2.0-only

//! A driver whose completion path frees the buffers of a request and has no unmap at all.
//!
//! Each request leaks its mapping; the device would have to be told of an old one again to do harm. The
//! buffer is two pages, mapped as one.

use kernel::prelude::*;

use crate::{
    device::Edu,
    support::{
        Pages,
        Stage, //
    },
};

pub(crate) fn bug(stage: &Stage, edu: &Edu<'_>) -> Result {
    let buffer = Pages::new(1)?;
    let mapping = edu.map(&buffer, buffer.size())?;
    edu.write(mapping)?;

    stage.expect_report(buffer.pfns())?;
    drop(buffer);

    // So that the machine goes on.
    edu.unmap(mapping);
    Ok(())
}

pub(crate) fn twin(stage: &Stage, edu: &Edu<'_>) -> Result {
    let buffer = Pages::new(1)?;
    let mapping = edu.map(&buffer, buffer.size())?;
    edu.write(mapping)?;

    stage.expect_silence()?;
    edu.unmap(mapping);
    drop(buffer);
    Ok(())
}
