// SPDX-License-Identifier: GPL-2.0-only

//! What the cases stand on: page tables, pages and the announcements in the log.

mod domain;
mod format;
mod pages;
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
    stage::{
        Stage,
        Variant, //
    },
};
