// SPDX-License-Identifier: GPL-2.0-only

//! A driver that frees a buffer first and unmaps it second.
//!
//! The mapping is gone in the end, but not in time.

use kernel::prelude::*;

use crate::{
    device::Edu,
    support::{
        Pages,
        Stage, //
    },
};

pub(crate) fn bug(stage: &Stage, edu: &Edu<'_>) -> Result {
    let buffer = Pages::new(0)?;
    let mapping = edu.map(&buffer, buffer.size())?;
    edu.write(mapping)?;

    stage.expect_report(buffer.pfns())?;
    drop(buffer);
    edu.unmap(mapping);
    Ok(())
}

pub(crate) fn twin(stage: &Stage, edu: &Edu<'_>) -> Result {
    let buffer = Pages::new(0)?;
    let mapping = edu.map(&buffer, buffer.size())?;
    edu.write(mapping)?;

    stage.expect_silence()?;
    edu.unmap(mapping);
    drop(buffer);
    Ok(())
}
