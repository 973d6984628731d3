// SPDX-License-Identifier: GPL-2.0-only

//! A Wi-Fi driver that unmaps fewer bytes than it has mapped.
//!
//! The shape of mt76 `c0f8055b3986` and `89829c9e65ab`: the buffer is mapped with its full size
//! and unmapped with the length of the frame that arrived in it. The tail stays mapped.
//! Address and buffer are aligned differently, so that every format uses 4K leaves (several to
//! a page, if pages are larger) and the buffer can be cut anywhere.

use kernel::{
    page::PAGE_SIZE,
    prelude::*, //
};

use crate::support::{
    Domain,
    Iova,
    Pages,
    Stage, //
};

const SLOT: Iova = Iova(0x7fff_1000);

/// Pages of the buffer that the frame fills.
const FRAME: usize = 5;

/// A receive buffer of eight pages, posted at [`SLOT`].
fn post(radio: &Domain) -> Result<Pages> {
    let buffer = Pages::new(3)?;
    radio.map(SLOT, buffer.phys(), buffer.size())?;
    Ok(buffer)
}

pub(crate) fn bug(stage: &Stage) -> Result {
    let radio = Domain::new(stage.format())?;
    let buffer = post(&radio)?;
    let (used, all) = (FRAME * PAGE_SIZE, buffer.size());

    radio.unmap_exactly(SLOT, used)?;
    stage.expect_report(buffer.pfns_of(FRAME..all / PAGE_SIZE))?;
    drop(buffer);

    radio.unmap_exactly(SLOT + used, all - used)
}

pub(crate) fn twin(stage: &Stage) -> Result {
    let radio = Domain::new(stage.format())?;
    let buffer = post(&radio)?;

    stage.expect_silence()?;
    radio.unmap_exactly(SLOT, buffer.size())?;
    drop(buffer);
    Ok(())
}
