// SPDX-License-Identifier: GPL-2.0-only

//! A driver that frees a page while it is mapped, and the innocent owners that the page has afterwards.
//!
//! None of them has mapped it, and none of them is to be blamed: the page was reported when it was freed.
//! Once the stale translation is gone, the page is like any other, and the next driver that frees it
//! while it is mapped is reported again.

use kernel::{
    bindings,
    cpu::CpuId,
    cpumask::CpumaskVar,
    error::to_result,
    io::PhysAddr,
    prelude::*, //
};

use crate::support::{
    Domain,
    Iova,
    Pages,
    Stage, //
};

const BUFFER: Iova = Iova(0x7000);

/// How many owners the page has.
const OWNERS: usize = 20;

/// How many others are taken at most to get hold of one page: far more than lie before it on a processor's list.
const MOST: usize = 4096;

/// Stays on this processor from now on: a page that is freed on one is not soon allocated on another.
fn stay_here() -> Result {
    let mut here = CpumaskVar::new_zero(GFP_KERNEL)?;
    here.set(CpuId::current());
    // SAFETY: The task is the caller, and the mask is valid.
    to_result(unsafe { bindings::set_cpus_allowed_ptr(current!().as_ptr(), here.as_raw()) })
}

/// Allocates the page at `phys`, which is free.
///
/// Fails with [`EAGAIN`] if somebody else has it.
fn owner_of(phys: PhysAddr) -> Result<Pages> {
    let mut others = KVVec::with_capacity(MOST, GFP_KERNEL)?;
    for _ in 0..MOST {
        let page = Pages::new(0)?;
        if page.phys() == phys {
            return Ok(page);
        }
        others.push_within_capacity(page)?;
    }
    Err(EAGAIN)
}

pub(crate) fn bug(stage: &Stage) -> Result {
    stay_here()?;
    let device = Domain::new(stage.format())?;
    let buffer = Pages::new(0)?;
    let (phys, bytes) = (buffer.phys(), buffer.size());
    device.map(BUFFER, phys, bytes)?;

    stage.expect_report(buffer.pfns())?;
    drop(buffer);
    stage.expect_no_more()?;
    for _ in 0..OWNERS {
        drop(owner_of(phys)?);
    }
    device.unmap_exactly(BUFFER, bytes)?;

    let buffer = owner_of(phys)?;
    device.map(BUFFER, phys, bytes)?;
    stage.expect_report(buffer.pfns())?;
    drop(buffer);
    stage.expect_no_more()?;
    device.unmap_exactly(BUFFER, bytes)
}

pub(crate) fn twin(stage: &Stage) -> Result {
    stay_here()?;
    let device = Domain::new(stage.format())?;
    let buffer = Pages::new(0)?;
    let (phys, bytes) = (buffer.phys(), buffer.size());
    device.map(BUFFER, phys, bytes)?;

    stage.expect_silence()?;
    device.unmap_exactly(BUFFER, bytes)?;
    drop(buffer);
    for _ in 0..OWNERS {
        drop(owner_of(phys)?);
    }

    let buffer = owner_of(phys)?;
    device.map(BUFFER, phys, bytes)?;
    device.unmap_exactly(BUFFER, bytes)
}
