// SPDX-License-Identifier: GPL-2.0-only

//! A driver that recycles a page through its own cache while an old mapping of it lives on.
//!
//! What page_pool does on purpose (the mapping is kept for the next packet), done by accident:
//! the page gets a second mapping on its next round, and only that one is known. As long as the
//! page never leaves the driver it never comes before the page allocator, and nobody else is
//! harmed: silence is right.

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

const FIRST: Iova = Iova::page(2);
const SECOND: Iova = Iova::page(9);

/// The driver's private cache of one page.
struct Cache {
    page: Option<Pages>,
}

impl Cache {
    /// The cached page, or else a new one.
    fn take(&mut self) -> Result<Pages> {
        match self.page.take() {
            Some(page) => Ok(page),
            None => Pages::new(0),
        }
    }

    fn give_back(&mut self, page: Pages) {
        self.page = Some(page);
    }
}

/// Receives one packet into a page from the cache.
fn receive(nic: &Domain, cache: &mut Cache, iova: Iova, unmap: bool) -> Result {
    let page = cache.take()?;
    nic.map(iova, page.phys(), page.size())?;
    if unmap {
        nic.unmap_exactly(iova, page.size())?;
    }
    cache.give_back(page);
    Ok(())
}

pub(crate) fn bug(stage: &Stage) -> Result {
    let nic = Domain::new(stage.format())?;
    let mut cache = Cache { page: None };
    stage.expect_silence()?;

    receive(&nic, &mut cache, FIRST, false)?;
    receive(&nic, &mut cache, SECOND, true)?;

    // What a driver like this never does: it keeps its pages for as long as the machine runs.
    nic.unmap_exactly(FIRST, PAGE_SIZE)
}

pub(crate) fn twin(stage: &Stage) -> Result {
    let nic = Domain::new(stage.format())?;
    let mut cache = Cache { page: None };
    stage.expect_silence()?;

    receive(&nic, &mut cache, FIRST, true)?;
    receive(&nic, &mut cache, SECOND, true)
}
