// SPDX-License-Identifier: GPL-2.0-only

//! A driver whose unmap is too long and takes a neighbour's translation along.
//!
//! Two queues, each with a buffer, at addresses that touch. The first queue rounds its length up
//! too generously. The neighbour's DMA will fault, but no page can be reached any more by the
//! time it is freed: its count has gone down with its translation, and silence is right.
//!
//! The same once more with one 2M leaf that the two queues share by halves: there the unmap is
//! asked for the first half only, and it is the page table that cannot split the leaf. Arm's
//! tables refuse, and the driver gives the whole of it back.
//!
//! And once more with a ring of single pages, scattered in memory, which fills a page table. It is
//! unmapped as a whole, so that some formats take the table away and never look at its leaves.

use kernel::{
    page::PAGE_SIZE,
    prelude::*,
    sizes::SZ_2M, //
};

use crate::support::{
    Domain,
    Iova,
    Pages,
    Stage, //
};

const FIRST: Iova = Iova(0x4000_1000);
const SHARED: Iova = Iova(0x4020_0000);
const RING: Iova = Iova(0x4060_0000);

/// Order of a block that fits one 2M leaf.
const HUGE: u32 = Pages::order_of(SZ_2M);

/// A queue's buffer of two pages, mapped at `iova`.
fn buffer_at(nic: &Domain, iova: Iova) -> Result<Pages> {
    let buffer = Pages::new(1)?;
    nic.map(iova, buffer.phys(), buffer.size())?;
    Ok(buffer)
}

/// A ring of single pages, at [`RING`]. Every other page that could be had is left out, so that
/// no two of them lie side by side.
fn ring(nic: &Domain) -> Result<KVec<Pages>> {
    let mut between = KVec::with_capacity(1 << HUGE, GFP_KERNEL)?;
    let mut ring = KVec::with_capacity(1 << HUGE, GFP_KERNEL)?;
    for index in 0..1 << HUGE {
        let page = Pages::new(0)?;
        nic.map(RING + index * PAGE_SIZE, page.phys(), page.size())?;
        ring.push_within_capacity(page)?;
        between.push_within_capacity(Pages::new(0)?)?;
    }
    Ok(ring)
}

pub(crate) fn bug(stage: &Stage) -> Result {
    let nic = Domain::new(stage.format())?;
    stage.expect_silence()?;

    let ours = buffer_at(&nic, FIRST)?;
    let theirs = buffer_at(&nic, FIRST + 2 * PAGE_SIZE)?;
    nic.unmap_exactly(FIRST, 4 * PAGE_SIZE)?;
    drop(ours);
    // The neighbour's own unmap finds nothing.
    nic.unmap(FIRST + 2 * PAGE_SIZE, 2 * PAGE_SIZE);
    drop(theirs);

    let shared = Pages::new(HUGE)?;
    nic.map(SHARED, shared.phys(), shared.size())?;
    if nic.unmap(SHARED, shared.size() / 2) == 0 {
        nic.unmap_exactly(SHARED, shared.size())?;
    }
    if nic.lookup(SHARED + shared.size() / 2).is_some() {
        nic.unmap_exactly(SHARED + shared.size() / 2, shared.size() / 2)?;
    }
    drop(shared);

    // The neighbour behind the ring goes along.
    let ours = ring(&nic)?;
    let theirs = buffer_at(&nic, RING + ours.len() * PAGE_SIZE)?;
    nic.unmap_exactly(RING, ours.len() * PAGE_SIZE + theirs.size())?;
    drop(ours);
    drop(theirs);
    Ok(())
}

pub(crate) fn twin(stage: &Stage) -> Result {
    let nic = Domain::new(stage.format())?;
    stage.expect_silence()?;

    let ours = buffer_at(&nic, FIRST)?;
    let theirs = buffer_at(&nic, FIRST + 2 * PAGE_SIZE)?;
    nic.unmap_exactly(FIRST, 2 * PAGE_SIZE)?;
    drop(ours);
    nic.unmap_exactly(FIRST + 2 * PAGE_SIZE, 2 * PAGE_SIZE)?;
    drop(theirs);

    let shared = Pages::new(HUGE)?;
    nic.map(SHARED, shared.phys(), shared.size())?;
    nic.unmap_exactly(SHARED, shared.size())?;
    drop(shared);

    let ours = ring(&nic)?;
    nic.unmap_exactly(RING, ours.len() * PAGE_SIZE)?;
    drop(ours);
    Ok(())
}
