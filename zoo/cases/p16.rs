// SPDX-License-Identifier: GPL-2.0-only

//! A network driver that shrinks its receive ring and frees the surplus buffers while mapped.
//!
//! The shape of virtio_net `2311e06b9bf3` and mlx5e kTLS `66ce5fc05713`: the ordinary way of a
//! buffer goes through the completion, which unmaps; a resize takes buffers out by another way,
//! which does not.

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

const RING: Iova = Iova(0xc000_0000);

/// Order of a buffer: two pages, for jumbo frames.
const ORDER: u32 = 1;
/// Distance of the buffers' addresses in bytes. They do not touch.
const STRIDE: usize = 16 * PAGE_SIZE;
const BEFORE: usize = 4;
const AFTER: usize = 3;

/// A receive ring, all of whose buffers are posted.
struct Ring {
    buffers: KVec<Pages>,
    nic: Domain,
}

impl Ring {
    fn open(stage: &Stage) -> Result<Self> {
        let nic = Domain::new(stage.format())?;
        let mut buffers = KVec::with_capacity(BEFORE, GFP_KERNEL)?;
        for index in 0..BEFORE {
            let buffer = Pages::new(ORDER)?;
            nic.map(Self::slot(index), buffer.phys(), buffer.size())?;
            buffers.push_within_capacity(buffer)?;
        }
        Ok(Self { buffers, nic })
    }

    fn slot(index: usize) -> Iova {
        RING + index * STRIDE
    }

    /// Takes the last buffer back from the device.
    fn complete_last(&mut self) -> Result<Pages> {
        let buffer = self.buffers.pop().ok_or(ENOENT)?;
        let slot = Self::slot(self.buffers.len());
        self.nic.unmap_exactly(slot, buffer.size())?;
        Ok(buffer)
    }

    fn close(mut self) -> Result {
        while !self.buffers.is_empty() {
            drop(self.complete_last()?);
        }
        Ok(())
    }
}

pub(crate) fn bug(stage: &Stage) -> Result {
    let mut ring = Ring::open(stage)?;

    let surplus = ring.buffers.pop().ok_or(ENOENT)?;
    let bytes = surplus.size();
    stage.expect_report(surplus.pfns())?;
    drop(surplus);

    ring.nic.unmap_exactly(Ring::slot(AFTER), bytes)?;
    ring.close()
}

pub(crate) fn twin(stage: &Stage) -> Result {
    let mut ring = Ring::open(stage)?;

    stage.expect_silence()?;
    drop(ring.complete_last()?);
    ring.close()
}
