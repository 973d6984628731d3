// SPDX-License-Identifier: GPL-2.0-only

//! Ways to take a mapping away.

use kernel::{
    page::PAGE_SIZE,
    prelude::*, //
};

use crate::{
    block::Mapping,
    random::Random,
    support::{
        Domain,
        Iova, //
    },
    tally::Tally,
};

/// Bytes behind a mapping that an unmap may name as well. Nothing is ever mapped there.
const BEYOND: usize = 64 * PAGE_SIZE;

/// Takes some of a mapping away, from its beginning on: as much as is asked, or more where the
/// range ends inside a large leaf, or nothing where the beginning is gone already.
pub(crate) fn unmap_some(random: &mut Random, tally: &Tally, domain: &Domain, mapping: &Mapping) {
    let pages = 1 + random.below(mapping.bytes / PAGE_SIZE);
    domain.unmap(mapping.iova, pages * PAGE_SIZE);
    tally.unmaps.up();
}

/// Takes all of a mapping away, in one of many ways.
///
/// Fails with [`EIO`] if something is mapped that cannot be unmapped.
pub(crate) fn unmap_all(
    random: &mut Random,
    tally: &Tally,
    domain: &Domain,
    mapping: &Mapping,
) -> Result {
    match random.below(3) {
        0 => {
            domain.unmap(mapping.iova, mapping.bytes);
        }
        // It ends at the first hole.
        1 => {
            let beyond = PAGE_SIZE + random.below(BEYOND / PAGE_SIZE) * PAGE_SIZE;
            domain.unmap(mapping.iova, mapping.bytes + beyond);
        }
        _ => unmap_pieces(random, tally, domain, mapping),
    }
    tally.unmaps.up();
    sweep(tally, domain, mapping.iova, mapping.bytes)
}

fn unmap_pieces(random: &mut Random, tally: &Tally, domain: &Domain, mapping: &Mapping) {
    let pages = mapping.bytes / PAGE_SIZE;
    let longest = 1 + random.below(pages);
    let mut at = 0;
    while at < mapping.bytes {
        let length = (1 + random.below(longest)) * PAGE_SIZE;
        let length = length.min(mapping.bytes - at);
        let gone = domain.unmap(mapping.iova + at, length);
        tally.unmaps.up();
        if gone == 0 {
            // A hole. The sweep finds what is behind it.
            return;
        }
        at += gone;
    }
}

/// Takes away what is left, around the holes.
fn sweep(tally: &Tally, domain: &Domain, iova: Iova, bytes: usize) -> Result {
    let mut at = 0;
    while at < bytes {
        if domain.lookup(iova + at).is_none() {
            at += PAGE_SIZE;
            continue;
        }
        let gone = domain.unmap(iova + at, bytes - at);
        tally.unmaps.up();
        if gone == 0 {
            return Err(EIO);
        }
        at += gone;
    }
    Ok(())
}
