// SPDX-License-Identifier: GPL-2.0-only

//! A storage driver whose error path frees a command's buffer and forgets to unmap it.
//!
//! The shape of nvme-pci `1bf86336e4b6` (CVE-2026-64019) and hpsa `e166bafc483e`: the map has
//! succeeded, a later step of the submission fails, and the way out undoes all but the map.
//! The buffer is sixteen pages (64K, if a page is 4K) at an address aligned to that, so that the formats which
//! can (AMD v1, RISC-V with Svnapot) use large leaves.

use kernel::prelude::*;

use crate::support::{
    Domain,
    Iova,
    Pages,
    Stage, //
};

const COMMAND: Iova = Iova(0x10_0000);

/// A command whose data the controller can reach at [`COMMAND`].
struct Command {
    data: Pages,
}

impl Command {
    fn prepare(controller: &Domain) -> Result<Self> {
        let data = Pages::new(4)?;
        controller.map(COMMAND, data.phys(), data.size())?;
        Ok(Self { data })
    }

    /// Rings the doorbell; but the queue is full.
    fn submit(&self) -> Result {
        Err(EBUSY)
    }
}

pub(crate) fn bug(stage: &Stage) -> Result {
    let controller = Domain::new(stage.format())?;
    let command = Command::prepare(&controller)?;
    let bytes = command.data.size();

    if command.submit().is_err() {
        stage.expect_report(command.data.pfns())?;
        drop(command);
    }

    controller.unmap_exactly(COMMAND, bytes)
}

pub(crate) fn twin(stage: &Stage) -> Result {
    let controller = Domain::new(stage.format())?;
    let command = Command::prepare(&controller)?;

    if command.submit().is_err() {
        stage.expect_silence()?;
        controller.unmap_exactly(COMMAND, command.data.size())?;
        drop(command);
    }
    Ok(())
}
