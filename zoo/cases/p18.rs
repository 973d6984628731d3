// SPDX-License-Identifier: GPL-2.0-only

//! A network driver that remembers the wrong address of what it has mapped.
//!
//! The shape of stmmac CVE-2024-53058 and of nvme's PRP lists (`b8b7570a7ec8`): a large segment
//! is mapped as one, and several descriptors point into it. The first one's bookkeeping holds
//! the address behind the protocol headers, and the rest of the length, so the completion leaves
//! the page with the headers mapped.
//! Address and buffer are aligned differently, so that every format uses 4K leaves: several to a
//! page, if pages are larger.

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

const SEGMENT: Iova = Iova(0x1_2345_7000);

/// What the driver remembers of a mapping until the completion.
struct Bookkeeping {
    iova: Iova,
    bytes: usize,
}

/// Maps a segment of four pages, the first of which holds the headers.
fn send(nic: &Domain) -> Result<Pages> {
    let segment = Pages::new(2)?;
    nic.map(SEGMENT, segment.phys(), segment.size())?;
    Ok(segment)
}

/// Takes back what was remembered.
fn complete(nic: &Domain, entry: &Bookkeeping) -> Result {
    nic.unmap_exactly(entry.iova, entry.bytes)
}

pub(crate) fn bug(stage: &Stage) -> Result {
    let nic = Domain::new(stage.format())?;
    let segment = send(&nic)?;
    let entry = Bookkeeping {
        iova: SEGMENT + PAGE_SIZE,
        bytes: segment.size() - PAGE_SIZE,
    };

    complete(&nic, &entry)?;
    stage.expect_report(segment.pfns_of(0..1))?;
    drop(segment);

    nic.unmap_exactly(SEGMENT, PAGE_SIZE)
}

pub(crate) fn twin(stage: &Stage) -> Result {
    let nic = Domain::new(stage.format())?;
    let segment = send(&nic)?;
    let entry = Bookkeeping {
        iova: SEGMENT,
        bytes: segment.size(),
    };

    stage.expect_silence()?;
    complete(&nic, &entry)?;
    drop(segment);
    Ok(())
}
