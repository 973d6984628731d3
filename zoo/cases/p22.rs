// SPDX-License-Identifier: GPL-2.0-only

//! A driver that frees a large buffer, all of it mapped.
//!
//! 512 pages, and one mistake: whoever reads the log wants one report of it, with all of the pages in it.

use kernel::prelude::*;

use crate::support::{
    Domain,
    Iova,
    Pages,
    Stage, //
};

/// Order of 512 pages: 2M, if a page is 4K.
const LARGE: u32 = 9;
const FRAME: Iova = Iova(0x2000_0000);

fn show(stage: &Stage) -> Result<(Domain, Pages)> {
    let display = Domain::new(stage.format())?;
    let frame = Pages::new(LARGE)?;
    display.map(FRAME, frame.phys(), frame.size())?;
    Ok((display, frame))
}

pub(crate) fn bug(stage: &Stage) -> Result {
    let (display, frame) = show(stage)?;
    let bytes = frame.size();

    stage.expect_report(frame.pfns())?;
    drop(frame);
    stage.expect_no_more()?;
    display.unmap_exactly(FRAME, bytes)
}

pub(crate) fn twin(stage: &Stage) -> Result {
    let (display, frame) = show(stage)?;

    stage.expect_silence()?;
    display.unmap_exactly(FRAME, frame.size())?;
    drop(frame);
    Ok(())
}
