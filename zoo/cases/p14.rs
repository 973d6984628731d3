// SPDX-License-Identifier: GPL-2.0-only

//! A driver whose map fails half-way.
//!
//! The shape of CVE-2026-64152: the range runs into an address that is in use, the first half is
//! in the table already, and the core takes it out again. The driver sees an error, has nothing
//! to unmap and frees its buffer. The counts must be back where they were, for the buffer and
//! for the page that stood in the way.

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

/// Not aligned as the buffer is, so that the map goes page by page.
const WINDOW: Iova = Iova::page(0x3_0001);
/// Behind the window; nothing is mapped there.
const FREE: Iova = Iova::page(0x3_0011);
/// In the middle of the window.
const MAILBOX: Iova = Iova::page(0x3_0005);

/// A page that the firmware owns, mapped in the middle of the window.
fn firmware_mailbox(device: &Domain) -> Result<Pages> {
    let mailbox = Pages::new(0)?;
    device.map(MAILBOX, mailbox.phys(), mailbox.size())?;
    Ok(mailbox)
}

/// Takes the firmware's page away again. It must still be mapped.
fn release(device: &Domain, mailbox: Pages) -> Result {
    if device.lookup(MAILBOX) != Some(mailbox.phys()) {
        return Err(EFAULT);
    }
    device.unmap_exactly(MAILBOX, PAGE_SIZE)?;
    drop(mailbox);
    Ok(())
}

pub(crate) fn bug(stage: &Stage) -> Result {
    let device = Domain::new(stage.format())?;
    let mailbox = firmware_mailbox(&device)?;
    let buffer = Pages::new(3)?;

    stage.expect_silence()?;
    match device.map(WINDOW, buffer.phys(), buffer.size()) {
        Err(error) if error == EADDRINUSE || error == EEXIST => {}
        Err(error) => return Err(error),
        Ok(()) => return Err(ENOTEMPTY),
    }
    if device.lookup(WINDOW).is_some() {
        return Err(ENOTEMPTY);
    }
    drop(buffer);
    release(&device, mailbox)
}

pub(crate) fn twin(stage: &Stage) -> Result {
    let device = Domain::new(stage.format())?;
    let mailbox = firmware_mailbox(&device)?;
    let buffer = Pages::new(3)?;

    stage.expect_silence()?;
    device.map(FREE, buffer.phys(), buffer.size())?;
    device.unmap_exactly(FREE, buffer.size())?;
    drop(buffer);
    release(&device, mailbox)
}
