// SPDX-License-Identifier: GPL-2.0-only

//! The cases, one file per pattern, named after its number as in the zoo.

use kernel::prelude::*;

use crate::{
    catalog,
    device::Edu,
    support::Stage, //
};

/// What a driver does while it is bound.
pub(crate) type Perform = fn(&Stage, &Edu<'_>) -> Result;

/// Both drivers of a pattern.
#[derive(Clone, Copy)]
pub(crate) struct Driver {
    /// Does it wrong.
    pub(crate) bug: Perform,
    /// Does it right.
    pub(crate) twin: Perform,
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
    5 => p05,
    7 => p07,
    10 => p10,
    15 => p15,
    16 => p16,
    17 => p17,
    18 => p18,
}

// The list that others go by is right.
const _: () = {
    let mut number = 0;
    while number < 100 {
        let mut listed = false;
        let mut index = 0;
        while index < catalog::ON_EDU.len() {
            listed |= catalog::ON_EDU[index] == number;
            index += 1;
        }
        assert!(driver(number).is_some() == listed);
        number += 1;
    }
};
