// SPDX-License-Identifier: GPL-2.0-only

//! Chooses cases by the module parameters and runs them one after another.

use kernel::prelude::*;

use crate::{
    cases::{
        self,
        Driver, //
    },
    catalog::{
        self,
        Case, //
    },
    support::{
        stay_here,
        Format,
        Stage,
        Variant, //
    },
};

// Every case of the catalog has its drivers.
const _: () = {
    let mut index = 0;
    while index < catalog::CASES.len() {
        assert!(cases::driver(catalog::CASES[index].number).is_some());
        index += 1;
    }
};

/// What the module parameters ask for.
pub(crate) struct Selection {
    /// One case, or every case if none.
    case: Option<&'static Case>,
    variant: Variant,
    /// One format, or each in turn if none.
    format: Option<Format>,
}

impl Selection {
    /// Makes sense of the parameters `case`, `bug` and `format`.
    ///
    /// Fails with [`EINVAL`], and says why in the log, if one of them is out of range.
    pub(crate) fn from_parameters(case: i32, bug: i32, format: i32) -> Result<Self> {
        let case = match case {
            0 => None,
            number => Some(find(number).ok_or_else(|| {
                pr_err!("there is no case {}\n", number);
                EINVAL
            })?),
        };
        let variant = match bug {
            0 => Variant::Twin,
            1 => Variant::Bug,
            other => {
                pr_err!("bug={} is neither 0 nor 1\n", other);
                return Err(EINVAL);
            }
        };
        let format = match format {
            -1 => None,
            index => Some(Format::from_index(index).ok_or_else(|| {
                pr_err!("there is no format {}\n", index);
                EINVAL
            })?),
        };
        Ok(Self {
            case,
            variant,
            format,
        })
    }

    /// Runs what was asked for. A case that cannot run says so in the log; the next one follows.
    pub(crate) fn run(&self) {
        for case in catalog::CASES {
            if self.case.is_some_and(|only| only.number != case.number) {
                continue;
            }
            for format in Format::ALL {
                if self.format.is_some_and(|only| only != format) {
                    continue;
                }
                self.run_one(case, format);
            }
        }
    }

    fn run_one(&self, case: &'static Case, format: Format) {
        let stage = Stage::new(case, self.variant, format);
        let Some(driver) = cases::driver(case.number) else {
            stage.failed(ENODEV);
            return;
        };
        stage.begin();
        match perform(driver, &stage).and_then(|()| stage.check_announced()) {
            Ok(()) => stage.end(),
            Err(error) => stage.failed(error),
        }
    }
}

fn find(number: i32) -> Option<&'static Case> {
    let number = u32::try_from(number).ok()?;
    catalog::CASES.iter().find(|case| case.number == number)
}

fn perform(driver: Driver, stage: &Stage) -> Result {
    stay_here()?;
    match stage.variant() {
        Variant::Bug => (driver.bug)(stage),
        Variant::Twin => (driver.twin)(stage),
    }
}
