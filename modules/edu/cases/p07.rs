// SPDX-License-Identifier: GPL-2.0-only

//! A driver that leaves its device and leaves a mapping behind.
//!
//! Nobody has freed the memory, so the page allocator has nothing to say; but the device can write to it
//! for as long as it likes, and nobody looks after it any more.

use core::mem;

use kernel::prelude::*;

use crate::{
    device::Edu,
    support::{
        Pages,
        Stage, //
    },
};

pub(crate) fn bug(stage: &Stage, edu: &Edu<'_>) -> Result {
    let buffer = Pages::new(2)?;
    let mapping = edu.map(&buffer, buffer.size())?;
    edu.write(mapping)?;

    // Unbinding follows.
    stage.expect_report(buffer.pfns())?;
    mem::forget(buffer);
    Ok(())
}

pub(crate) fn twin(stage: &Stage, edu: &Edu<'_>) -> Result {
    let buffer = Pages::new(2)?;
    let mapping = edu.map(&buffer, buffer.size())?;
    edu.write(mapping)?;

    stage.expect_silence()?;
    edu.unmap(mapping);
    mem::forget(buffer);
    Ok(())
}
