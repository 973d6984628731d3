// SPDX-License-Identifier: GPL-2.0-only

//! A hypervisor that, when a mapping fails, unpins more guest memory than it has pinned.
//!
//! The shape of CVE-2014-3601 and CVE-2014-8369 in kvm: the error path of the device assignment
//! counts from the wrong end and drops the pin of a page that an earlier mapping relies on. The
//! pin was all that held the page.
//! The IOMMU has no pages below sixteen of the CPU's, so that the page is one of many under a granule.

use kernel::{
    page::PAGE_SIZE,
    prelude::*, //
};

use crate::support::{
    Domain,
    Iova,
    Pages,
    PfnRange,
    Stage, //
};

/// Order of sixteen pages: 64K, if a page is 4K. Formats without pages of that size take the next larger one.
const LARGE: u32 = 4;
const SLOT: Iova = Iova(0x100_0000_0000);

/// The pages that a second device asks for, and fails to get mapped: less than a granule.
const FIRST: usize = 4;
const END: usize = 8;

/// One page of guest memory. The guest itself is gone: the pins are what keeps it.
struct GuestPage {
    page: Option<Pages>,
    pins: u32,
}

impl GuestPage {
    fn pin(&mut self) {
        self.pins += 1;
    }

    /// Drops a pin, and the page with the last one.
    fn unpin(&mut self) {
        self.pins -= 1;
        if self.pins == 0 {
            self.page = None;
        }
    }
}

/// Guest memory of one granule, all of it mapped for a first device.
struct Guest {
    memory: KVec<GuestPage>,
    iommu: Domain,
    /// Bytes of a granule.
    granule: usize,
    pfn: PfnRange,
}

impl Guest {
    fn boot(stage: &Stage) -> Result<Self> {
        let iommu = Domain::with_granule(stage.format(), LARGE)?;
        let block = Pages::new(iommu.granule_order())?;
        let granule = block.size();
        // The page just behind the ones that the second device asks for.
        let pfn = block.pfns_of(END..END + 1);
        iommu.map(SLOT, block.phys(), block.size())?;

        let mut memory = KVec::with_capacity(granule / PAGE_SIZE, GFP_KERNEL)?;
        for page in block.split()? {
            memory.push_within_capacity(GuestPage {
                page: Some(page),
                pins: 1,
            })?;
        }
        Ok(Self {
            memory,
            iommu,
            granule,
            pfn,
        })
    }

    /// Pins the pages for a second device and maps them; the IOMMU refuses, as it must.
    fn assign(&mut self) -> Result {
        for page in &mut self.memory[FIRST..END] {
            page.pin();
        }
        let phys = match &self.memory[FIRST].page {
            Some(page) => page.phys(),
            None => return Err(EFAULT),
        };
        let bytes = (END - FIRST) * PAGE_SIZE;
        self.iommu.map(SLOT + self.granule, phys, bytes)
    }

    fn shut_down(mut self) -> Result {
        self.iommu.unmap_exactly(SLOT, self.granule)?;
        for page in self.memory.iter_mut().filter(|page| page.pins > 0) {
            page.unpin();
        }
        Ok(())
    }
}

pub(crate) fn bug(stage: &Stage) -> Result {
    let mut guest = Guest::boot(stage)?;

    if guest.assign().is_err() {
        stage.expect_report(guest.pfn)?;
        for page in &mut guest.memory[FIRST..=END] {
            page.unpin();
        }
    }
    guest.shut_down()
}

pub(crate) fn twin(stage: &Stage) -> Result {
    let mut guest = Guest::boot(stage)?;

    if guest.assign().is_err() {
        stage.expect_silence()?;
        for page in &mut guest.memory[FIRST..END] {
            page.unpin();
        }
    }
    guest.shut_down()
}
