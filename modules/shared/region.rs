// SPDX-License-Identifier: GPL-2.0-only

//! Contiguous memory beyond the largest block of the page allocator.

use kernel::{
    bindings,
    io::PhysAddr,
    page::PAGE_SIZE,
    prelude::*, //
};

use super::Pages;

/// Order of the page allocator's largest block.
const BLOCK_ORDER: u32 = bindings::MAX_PAGE_ORDER;

/// Bytes of such a block.
const BLOCK: usize = PAGE_SIZE << BLOCK_ORDER;

/// Physically contiguous memory, aligned to its size, a power of two. Its contents are undefined.
///
/// It consists of blocks of the page allocator that happen to lie side by side, as they do in a
/// machine that has just been started.
pub(crate) struct Region {
    /// In ascending order, adjacent.
    blocks: KVVec<Pages>,
    bytes: usize,
}

impl Region {
    /// Takes `bytes` bytes from the page allocator, a power of two.
    ///
    /// Fails with [`ENOMEM`] if there is no such stretch of free memory.
    pub(crate) fn new(bytes: usize) -> Result<Self> {
        if !bytes.is_power_of_two() || bytes < PAGE_SIZE {
            return Err(EINVAL);
        }
        if bytes <= BLOCK {
            let mut blocks = KVVec::with_capacity(1, GFP_KERNEL)?;
            let order = (bytes / PAGE_SIZE).ilog2();
            blocks.push_within_capacity(Pages::with_flags(order, 0)?)?;
            return Ok(Self { blocks, bytes });
        }

        let mut all = KVVec::new();
        // It is meant to fail in the end: quietly, and without driving anything out of memory.
        let flags = bindings::__GFP_NOWARN | 1 << bindings::___GFP_NORETRY_BIT;
        while let Ok(block) = Pages::with_flags(BLOCK_ORDER, flags) {
            all.push(block, GFP_KERNEL)?;
        }
        all.sort_unstable_by_key(Pages::phys);
        let wanted = bytes / BLOCK;
        let first = all
            .windows(wanted)
            .position(|run| is_region(run, bytes))
            .ok_or(ENOMEM)?;

        let mut blocks = KVVec::with_capacity(wanted, GFP_KERNEL)?;
        for (index, block) in all.into_iter().enumerate() {
            // The other blocks go back to the page allocator.
            if (first..first + wanted).contains(&index) {
                blocks.push_within_capacity(block)?;
            }
        }
        Ok(Self { blocks, bytes })
    }

    /// Physical address of the first byte.
    pub(crate) fn phys(&self) -> PhysAddr {
        self.blocks[0].phys()
    }

    /// Size in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Whether the blocks lie side by side, and the first where a region of that size may begin.
fn is_region(blocks: &[Pages], bytes: usize) -> bool {
    // CAST: Both are sizes of memory.
    let (bytes, block) = (bytes as PhysAddr, BLOCK as PhysAddr);
    let (first, last) = (&blocks[0], &blocks[blocks.len() - 1]);
    // In ascending order, and no two are the same: so there is no hole if the ends fit.
    first.phys() % bytes == 0 && last.phys() - first.phys() == bytes - block
}
