// SPDX-License-Identifier: GPL-2.0-only

//! A driver that unmaps its buffer twice.
//!
//! The completion handler and the timeout handler both believe that the request is theirs. If
//! the address is still free the second unmap finds nothing; if it has been given to another
//! buffer in between, that buffer loses its translation. In neither case may any page's count
//! go below zero, or stay above it.

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

const SLOT: Iova = Iova(0x8000_0000);

/// A request's buffer of one page, mapped at [`SLOT`].
fn start(host: &Domain) -> Result<Pages> {
    let buffer = Pages::new(0)?;
    host.map(SLOT, buffer.phys(), buffer.size())?;
    Ok(buffer)
}

pub(crate) fn bug(stage: &Stage) -> Result {
    let host = Domain::new(stage.format())?;
    stage.expect_silence()?;

    // The timeout strikes at once.
    let request = start(&host)?;
    host.unmap_exactly(SLOT, PAGE_SIZE)?;
    host.unmap(SLOT, PAGE_SIZE);
    drop(request);

    // The timeout strikes when the next request has the slot.
    let request = start(&host)?;
    host.unmap_exactly(SLOT, PAGE_SIZE)?;
    let next = start(&host)?;
    host.unmap(SLOT, PAGE_SIZE);
    drop(request);
    host.unmap(SLOT, PAGE_SIZE);
    drop(next);
    Ok(())
}

pub(crate) fn twin(stage: &Stage) -> Result {
    let host = Domain::new(stage.format())?;
    stage.expect_silence()?;

    for _ in 0..2 {
        let request = start(&host)?;
        host.unmap_exactly(SLOT, PAGE_SIZE)?;
        drop(request);
    }
    Ok(())
}
