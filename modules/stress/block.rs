// SPDX-License-Identifier: GPL-2.0-only

//! Memory that is mapped here and there.

use kernel::{
    page::PAGE_SIZE,
    prelude::*,
    sizes::{
        SZ_2M,
        SZ_8M, //
    }, //
};

use crate::{
    random::Random,
    scene::Scene,
    support::{
        Domain,
        Iova,
        Pages, //
    },
};

/// Blocks have at most this order: 2M.
pub(crate) const LARGEST_ORDER: u32 = 9;

/// IOVA space for one mapping: the largest block, as far off a large leaf's boundary as can be, and
/// room behind it that nobody uses.
pub(crate) const SLOT: usize = SZ_8M;

/// An allocation, and where it is mapped.
pub(crate) struct Block {
    pub(crate) pages: Pages,
    pub(crate) mappings: KVec<Mapping>,
}

impl Block {
    /// How many pages it has.
    pub(crate) fn count(&self) -> usize {
        self.pages.size() / PAGE_SIZE
    }
}

/// IOVAs behind which there are pages of a block, or holes where they have been unmapped.
pub(crate) struct Mapping {
    /// The domain's index, as the actor counts.
    pub(crate) domain: usize,
    /// The slot in that domain.
    pub(crate) slot: usize,
    pub(crate) iova: Iova,
    pub(crate) bytes: usize,
}

/// Maps some pages of a block, or all of them, somewhere in a slot that begins at `slot`. Returns
/// where.
///
/// If there is not enough memory for the page tables, some of it may be mapped nevertheless; this
/// is returned as well.
pub(crate) fn map_somehow(
    random: &mut Random,
    scene: &Scene,
    domain: &Domain,
    slot: Iova,
    block: &Block,
) -> Result<(Iova, usize)> {
    let all = block.count();
    let (first, count) = if random.one_in(2) {
        (0, all)
    } else {
        let first = random.below(all);
        (first, 1 + random.below(all - first))
    };
    let phys = block.pages.phys_of(first);
    // CAST: Less than 2M.
    let aligned = (phys % SZ_2M as u64) as usize;
    let iova = slot
        + match random.below(3) {
            // Fits any leaf that the memory fits.
            0 | 1 => aligned,
            _ => random.below(SZ_2M / PAGE_SIZE) * PAGE_SIZE,
        };

    let in_one_go = random.one_in(2);
    let longest = 1 + random.below(count);
    let mut at = 0;
    while at < count {
        let length = if in_one_go {
            count
        } else {
            (1 + random.below(longest)).min(count - at)
        };
        let bytes = length * PAGE_SIZE;
        let place = iova + at * PAGE_SIZE;
        let phys = block.pages.phys_of(first + at);
        let (mapped, fault) = scene
            .faults
            .during(random, || domain.map(place, phys, bytes));
        if fault {
            scene.tally.faults.up();
        }
        match mapped {
            Ok(()) => scene.tally.maps.up(),
            Err(ENOMEM) => {
                // All of it or nothing.
                let index = random.below(length);
                return match domain.lookup(place + index * PAGE_SIZE) {
                    None => Ok((iova, at * PAGE_SIZE)),
                    Some(_) => Err(EIO),
                };
            }
            Err(error) => return Err(error),
        }
        at += length;
    }

    // What was mapped is there.
    let index = random.below(count);
    if domain.lookup(iova + index * PAGE_SIZE) != Some(block.pages.phys_of(first + index)) {
        return Err(EIO);
    }
    Ok((iova, count * PAGE_SIZE))
}
