// SPDX-License-Identifier: GPL-2.0-only

//! A chipset driver that shows a legacy device the low memory that it expects, from physical address 0 on.
//!
//! The Intel driver does it for ISA bridges (`drivers/iommu/intel/iommu.c`, `BLK_DEV_FD`). Address 0 is memory
//! like any other. The memory was never the page allocator's, so nobody loses anything by a driver that lets it
//! be mapped to the domain's end, which is what the wrong one does.

use kernel::{
    prelude::*,
    sizes::SZ_1M, //
};

use crate::support::{
    Domain,
    Iova,
    Stage, //
};

/// Device and memory agree on the addresses.
const LOW: Iova = Iova(0);
const BYTES: usize = SZ_1M;

fn show_low_memory(stage: &Stage) -> Result<Domain> {
    let bridge = Domain::new(stage.format())?;
    stage.expect_silence()?;
    bridge.map(LOW, 0, BYTES)?;
    Ok(bridge)
}

pub(crate) fn bug(stage: &Stage) -> Result {
    drop(show_low_memory(stage)?);
    Ok(())
}

pub(crate) fn twin(stage: &Stage) -> Result {
    show_low_memory(stage)?.unmap_exactly(LOW, BYTES)
}
