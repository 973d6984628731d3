// SPDX-License-Identifier: GPL-2.0-only

//! A driver that maps a large buffer page by page and forgets one in the middle when it unmaps.

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

const ORDER: u32 = 3;
const FORGOTTEN: usize = 5;

/// Maps every page of the buffer on its own.
fn map_all(edu: &Edu<'_>, buffer: &Pages) -> Result<KVec<Mapping>> {
    let mut mappings = KVec::new();
    for index in 0..1 << ORDER {
        mappings.push(edu.map_page_of(buffer, index)?, GFP_KERNEL)?;
    }
    Ok(mappings)
}

pub(crate) fn bug(stage: &Stage, edu: &Edu<'_>) -> Result {
    let buffer = Pages::new(ORDER)?;
    let mappings = map_all(edu, &buffer)?;
    for (index, mapping) in mappings.iter().enumerate() {
        if index != FORGOTTEN {
            edu.unmap(*mapping);
        }
    }

    stage.expect_report(buffer.pfns_of(FORGOTTEN..FORGOTTEN + 1))?;
    let phys = buffer.phys();
    drop(buffer);

    let owner = NextOwner::of(phys, ORDER)?;
    edu.write(mappings[FORGOTTEN])?;
    stage.witness(owner.overwritten());

    edu.unmap(mappings[FORGOTTEN]);
    Ok(())
}

pub(crate) fn twin(stage: &Stage, edu: &Edu<'_>) -> Result {
    let buffer = Pages::new(ORDER)?;
    let mappings = map_all(edu, &buffer)?;
    edu.write(mappings[FORGOTTEN])?;

    stage.expect_silence()?;
    for mapping in mappings {
        edu.unmap(mapping);
    }
    let phys = buffer.phys();
    drop(buffer);

    let owner = NextOwner::of(phys, ORDER)?;
    stage.witness(owner.overwritten());
    Ok(())
}
