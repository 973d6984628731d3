// SPDX-License-Identifier: GPL-2.0-only

//! The cases, one file per pattern, named after its number.
//!
//! Every file is a tiny driver. Its `bug` and its `twin` do the same work and differ in the few
//! lines that the pattern is about. Right before the moment of truth a case announces its
//! verdict; afterwards a buggy driver's leftovers are swept up, so that the machine goes on.

use kernel::prelude::*;

use crate::support::Stage;

/// Both drivers of a pattern.
#[derive(Clone, Copy)]
pub(crate) struct Driver {
    /// Does it wrong.
    pub(crate) bug: fn(&Stage) -> Result,
    /// Does it right.
    pub(crate) twin: fn(&Stage) -> Result,
}

/// Declares the modules of the cases, and the way from a pattern's number to its drivers.
macro_rules! cases {
    ($($number:literal => $name:ident),* $(,)?) => {
        $(mod $name;)*

        /// The drivers of the pattern with this number.
        pub(crate) const fn driver(number: u32) -> Option<Driver> {
            match number {
                $($number => Some(Driver {
                    bug: $name::bug,
                    twin: $name::twin,
                }),)*
                _ => None,
            }
        }
    };
}

cases! {
    1 => p01,
    2 => p02,
    3 => p03,
    4 => p04,
    5 => p05,
    6 => p06,
    7 => p07,
    8 => p08,
    9 => p09,
    10 => p10,
    11 => p11,
    14 => p14,
    15 => p15,
    16 => p16,
    17 => p17,
    18 => p18,
    19 => p19,
    20 => p20,
    21 => p21,
    22 => p22,
    23 => p23,
}
