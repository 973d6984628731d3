// SPDX-License-Identifier: GPL-2.0-only

//! A driver that shrinks its ring and frees the surplus buffer, which the device still has.
//!
//! The ordinary way of a buffer goes through the completion, which unmaps; a resize has a way of its own.

use kernel::prelude::*;

use crate::{
    device::{
        Edu,
        Mapping, //
    },
    next_owner::NextOwner,
    support::{
        Pages,
        Stage, //
    },
};

const BUFFERS: usize = 4;

/// A ring, all of whose buffers are posted.
struct Ring(KVec<(Pages, Mapping)>);

impl Ring {
    fn open(edu: &Edu<'_>) -> Result<Self> {
        let mut slots = KVec::with_capacity(BUFFERS, GFP_KERNEL)?;
        for _ in 0..BUFFERS {
            let buffer = Pages::new(0)?;
            let mapping = edu.map(&buffer, buffer.size())?;
            slots.push_within_capacity((buffer, mapping))?;
        }
        Ok(Self(slots))
    }

    fn take_last(&mut self) -> Result<(Pages, Mapping)> {
        self.0.pop().ok_or(ENOENT)
    }

    /// What the completions of all requests do.
    fn close(mut self, edu: &Edu<'_>) {
        while let Ok((buffer, mapping)) = self.take_last() {
            edu.unmap(mapping);
            drop(buffer);
        }
    }
}

pub(crate) fn bug(stage: &Stage, edu: &Edu<'_>) -> Result {
    let mut ring = Ring::open(edu)?;

    let (surplus, mapping) = ring.take_last()?;
    let phys = surplus.phys();
    stage.expect_report(surplus.pfns())?;
    drop(surplus);

    let owner = NextOwner::of(phys, 0)?;
    edu.write(mapping)?;
    stage.witness(owner.overwritten());

    edu.unmap(mapping);
    ring.close(edu);
    Ok(())
}

pub(crate) fn twin(stage: &Stage, edu: &Edu<'_>) -> Result {
    let mut ring = Ring::open(edu)?;

    stage.expect_silence()?;
    let (surplus, mapping) = ring.take_last()?;
    edu.write(mapping)?;
    edu.unmap(mapping);
    drop(surplus);
    ring.close(edu);
    Ok(())
}
