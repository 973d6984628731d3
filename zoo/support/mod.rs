// SPDX-License-Identifier: GPL-2.0-only

//! What the cases stand on: page tables, pages and the announcements in the log.

mod domain;
mod format;
mod pages;
mod recycling;
#[expect(dead_code, reason = "only a device can be a witness")]
mod stage;
mod table;

pub(crate) use self::{
    domain::{
        Domain,
        Iova, //
    },
    format::Format,
    pages::{
        Pages,
        PfnRange, //
    },
    recycling::stay_here,
    stage::Variant,
};

impl stage::Place for Format {
    fn name(&self) -> &'static str {
        (*self).name()
    }
}

/// One performance of one case on a page table format.
pub(crate) type Stage = stage::Stage<Format>;

impl Stage {
    /// The page table format to perform on.
    pub(crate) fn format(&self) -> Format {
        *self.place()
    }
}
