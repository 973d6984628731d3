// SPDX-License-Identifier: GPL-2.0-only

//! A driver that leaves one page in the middle of a block mapped, and frees the block.
//!
//! A firmware image of sixteen pages, of which the device is shown one, a table in the middle.
//! The block comes back to the page allocator as one piece: one report, about one page.

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

const TABLE: Iova = Iova(0xfedc_b000);

/// Index of the page that the device is shown.
const INDEX: usize = 7;

/// Loads the image and shows its table to the device.
fn load(device: &Domain) -> Result<Pages> {
    let image = Pages::new(4)?;
    device.map(TABLE, image.phys_of(INDEX), PAGE_SIZE)?;
    Ok(image)
}

pub(crate) fn bug(stage: &Stage) -> Result {
    let device = Domain::new(stage.format())?;
    let image = load(&device)?;

    stage.expect_report(image.pfns_of(INDEX..INDEX + 1))?;
    drop(image);

    device.unmap_exactly(TABLE, PAGE_SIZE)
}

pub(crate) fn twin(stage: &Stage) -> Result {
    let device = Domain::new(stage.format())?;
    let image = load(&device)?;

    stage.expect_silence()?;
    device.unmap_exactly(TABLE, PAGE_SIZE)?;
    drop(image);
    Ok(())
}
