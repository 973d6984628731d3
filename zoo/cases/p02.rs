// SPDX-License-Identifier: GPL-2.0-only

//! A crypto driver that frees its request first and unmaps it second.
//!
//! The shape of crypto/qat `eb7713f5ca97` and `d776b25495f2`: both steps are there, in the wrong
//! order, and between them the device writes into memory that may be somebody else's.
//! The address is the last page of the IOVA space, which is where an allocator that works from
//! the top down begins.

use kernel::prelude::*;

use crate::support::{
    Domain,
    Iova,
    Pages,
    Stage, //
};

/// A cipher request that the accelerator works on.
struct Request {
    buffer: Pages,
    iova: Iova,
}

impl Request {
    fn start(accelerator: &Domain) -> Result<Self> {
        let buffer = Pages::new(0)?;
        let iova = accelerator.last_page();
        accelerator.map(iova, buffer.phys(), buffer.size())?;
        Ok(Self { buffer, iova })
    }
}

pub(crate) fn bug(stage: &Stage) -> Result {
    let accelerator = Domain::new(stage.format())?;
    let Request { buffer, iova } = Request::start(&accelerator)?;
    let bytes = buffer.size();

    stage.expect_report(buffer.pfns())?;
    drop(buffer);
    accelerator.unmap_exactly(iova, bytes)
}

pub(crate) fn twin(stage: &Stage) -> Result {
    let accelerator = Domain::new(stage.format())?;
    let Request { buffer, iova } = Request::start(&accelerator)?;

    stage.expect_silence()?;
    accelerator.unmap_exactly(iova, buffer.size())?;
    drop(buffer);
    Ok(())
}
