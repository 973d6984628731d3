// SPDX-License-Identifier: GPL-2.0-only

//! A driver that unmaps less than it has mapped: the length of the packet, not of the buffer.
//!
//! The buffer is three pages, of which the packet takes two. Some IOMMUs map these two as one: an unmap
//! that ended between them would take both away.

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

/// Of the pages that the buffer is in.
const ORDER: u32 = 2;
/// Of the buffer, in bytes.
const BUFFER: usize = 3 * PAGE_SIZE;
/// Of the packet, in bytes.
const PACKET: usize = 2 * PAGE_SIZE;

pub(crate) fn bug(stage: &Stage, edu: &Edu<'_>) -> Result {
    let buffer = Pages::new(ORDER)?;
    let mapping = edu.map(&buffer, BUFFER)?;
    edu.write(mapping)?;
    let (packet, rest) = mapping.split_at(PACKET);
    edu.unmap(packet);

    stage.expect_report(buffer.pfns_of(2..3))?;
    let phys = buffer.phys();
    drop(buffer);

    let owner = NextOwner::of(phys, ORDER)?;
    edu.write(rest)?;
    stage.witness(owner.overwritten());

    edu.unmap(rest);
    Ok(())
}

pub(crate) fn twin(stage: &Stage, edu: &Edu<'_>) -> Result {
    let buffer = Pages::new(ORDER)?;
    let mapping = edu.map(&buffer, BUFFER)?;
    edu.write(mapping)?;

    stage.expect_silence()?;
    edu.unmap(mapping);
    let phys = buffer.phys();
    drop(buffer);

    let owner = NextOwner::of(phys, ORDER)?;
    stage.witness(owner.overwritten());
    Ok(())
}
