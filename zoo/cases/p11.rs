// SPDX-License-Identifier: GPL-2.0-only

//! A driver that drops a page fragment while it is mapped.
//!
//! Two packets share a page. The first is dropped without an unmap, and its half may be handed
//! out again; but the page itself has not come back to the page allocator, and that is where
//! the sanitizer looks. A documented limit: silence is what can be had. The driver notices its
//! mistake before the second packet, and so the page, is gone.

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

const PACKET: Iova = Iova(0x20_0000);

/// A page that is handed out in two halves.
struct FragmentPage {
    page: Option<Pages>,
    users: u32,
}

impl FragmentPage {
    fn new() -> Result<Self> {
        Ok(Self {
            page: Some(Pages::new(0)?),
            users: 2,
        })
    }

    /// Maps the first half: the whole page, as no driver counts on an IOMMU that knows anything smaller.
    fn map_first(&self, nic: &Domain) -> Result {
        match &self.page {
            Some(page) => nic.map(PACKET, page.phys(), page.size()),
            None => Err(EFAULT),
        }
    }

    /// Drops one half, and the page with the last one.
    fn drop_fragment(&mut self) {
        self.users -= 1;
        if self.users == 0 {
            self.page = None;
        }
    }
}

pub(crate) fn bug(stage: &Stage) -> Result {
    let nic = Domain::new(stage.format())?;
    let mut fragments = FragmentPage::new()?;
    fragments.map_first(&nic)?;

    stage.expect_silence()?;
    fragments.drop_fragment();
    nic.unmap_exactly(PACKET, PAGE_SIZE)?;
    fragments.drop_fragment();
    Ok(())
}

pub(crate) fn twin(stage: &Stage) -> Result {
    let nic = Domain::new(stage.format())?;
    let mut fragments = FragmentPage::new()?;
    fragments.map_first(&nic)?;

    stage.expect_silence()?;
    nic.unmap_exactly(PACKET, PAGE_SIZE)?;
    fragments.drop_fragment();
    fragments.drop_fragment();
    Ok(())
}
