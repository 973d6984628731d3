// SPDX-License-Identifier: GPL-2.0-only

//! What the cases stand on: the zoo's pages and announcements.

use crate::catalog;

#[path = "zoo/support/pages.rs"]
#[expect(dead_code, reason = "the zoo makes more use of it")]
mod pages;
#[path = "zoo/support/recycling.rs"]
mod recycling;
#[path = "zoo/support/stage.rs"]
#[expect(dead_code, reason = "the zoo makes more use of it")]
mod stage;

pub(crate) use self::{
    pages::{
        Pages,
        PfnRange, //
    },
    recycling::stay_here,
    stage::{
        Place,
        Variant, //
    },
};

/// Where the cases perform: on the device.
pub(crate) struct Device;

impl Place for Device {
    fn name(&self) -> &'static str {
        catalog::EDU
    }
}

/// One performance of one case on the device.
pub(crate) type Stage = stage::Stage<Device>;
