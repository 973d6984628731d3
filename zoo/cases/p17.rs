// SPDX-License-Identifier: GPL-2.0-only

//! A memory card driver whose completion handler has no unmap at all.
//!
//! The shape of mmc cavium `b803974a8603`: the transfer is done, the request is completed, its
//! buffer freed, and every single request leaves its mapping behind.
//! The buffer is 2M at an address aligned to that: one large leaf in every format.

use kernel::{
    prelude::*,
    sizes::SZ_2M, //
};

use crate::support::{
    Domain,
    Iova,
    Pages,
    Stage, //
};

const TRANSFER: Iova = Iova(0x20_0000_0000);

/// Starts a transfer; the card is done with it at once.
fn transfer(card: &Domain) -> Result<Pages> {
    let buffer = Pages::new(Pages::order_of(SZ_2M))?;
    card.map(TRANSFER, buffer.phys(), buffer.size())?;
    Ok(buffer)
}

pub(crate) fn bug(stage: &Stage) -> Result {
    let card = Domain::new(stage.format())?;
    let buffer = transfer(&card)?;

    stage.expect_report(buffer.pfns())?;
    drop(buffer);

    card.unmap_exactly(TRANSFER, SZ_2M)
}

pub(crate) fn twin(stage: &Stage) -> Result {
    let card = Domain::new(stage.format())?;
    let buffer = transfer(&card)?;

    stage.expect_silence()?;
    card.unmap_exactly(TRANSFER, SZ_2M)?;
    drop(buffer);
    Ok(())
}
