// SPDX-License-Identifier: GPL-2.0-only

//! A driver that remembers the wrong address of what it has mapped: that of the data behind the headers.
//!
//! The buffer is three pages, of which the headers take two. Some IOMMUs map these two as one: an unmap
//! that began between them would take both away.

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
/// Of the headers, in bytes.
const HEADERS: usize = 2 * PAGE_SIZE;

pub(crate) fn bug(stage: &Stage, edu: &Edu<'_>) -> Result {
    let buffer = Pages::new(ORDER)?;
    let mapping = edu.map(&buffer, BUFFER)?;
    edu.write(mapping)?;
    // What the descriptor says is taken for what was mapped.
    let (headers, descriptor) = mapping.split_at(HEADERS);
    edu.unmap(descriptor);

    stage.expect_report(buffer.pfns_of(0..2))?;
    let phys = buffer.phys();
    drop(buffer);

    let owner = NextOwner::of(phys, ORDER)?;
    edu.write(headers)?;
    stage.witness(owner.overwritten());

    edu.unmap(headers);
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
