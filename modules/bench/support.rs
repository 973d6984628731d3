// SPDX-License-Identifier: GPL-2.0-only

//! What the measurements stand on: the zoo's page tables and pages, and what the modules share.

#[path = "zoo/support/domain.rs"]
#[expect(dead_code, reason = "the zoo makes more use of it")]
mod domain;
#[path = "zoo/support/format.rs"]
mod format;
#[path = "zoo/support/pages.rs"]
#[expect(dead_code, reason = "the zoo makes more use of it")]
mod pages;
#[path = "zoo/support/table.rs"]
mod table;

#[path = "shared/domains.rs"]
mod domains;
#[path = "shared/region.rs"]
mod region;
#[path = "shared/threads.rs"]
mod threads;

pub(crate) use self::{
    domain::{
        Domain,
        Iova, //
    },
    domains::SharedDomains,
    format::Format,
    pages::Pages,
    region::Region,
    threads::{
        on_each,
        processors,
        yield_now, //
    },
};
