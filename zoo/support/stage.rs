// SPDX-License-Identifier: GPL-2.0-only

//! The announcements in the kernel log, by which a reader knows what ought to be reported.
//!
//! An expectation holds from its line on, until the next expectation or the end of the case.

use core::cell::Cell;

use kernel::{
    fmt,
    prelude::*, //
};

use super::PfnRange;
use crate::catalog::{
    Case,
    Expect, //
};

/// Which of the two drivers of a pattern.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variant {
    /// The one that does it wrong.
    Bug,
    /// The one that does it right.
    Twin,
}

impl Variant {
    fn name(self) -> &'static str {
        match self {
            Self::Bug => "bug",
            Self::Twin => "twin",
        }
    }
}

/// What a case performs on: a page table format, or a device.
pub(crate) trait Place {
    /// The name in the log.
    fn name(&self) -> &'static str;
}

/// One performance of one case: which it is, and what it announces.
pub(crate) struct Stage<P> {
    case: &'static Case,
    variant: Variant,
    place: P,
    announced: Cell<bool>,
}

impl<P: Place> Stage<P> {
    /// Sets the stage; nothing is printed yet.
    pub(crate) fn new(case: &'static Case, variant: Variant, place: P) -> Self {
        Self {
            case,
            variant,
            place,
            announced: Cell::new(false),
        }
    }

    /// Which of the two drivers performs.
    pub(crate) fn variant(&self) -> Variant {
        self.variant
    }

    /// What to perform on.
    pub(crate) fn place(&self) -> &P {
        &self.place
    }

    /// Says that what comes next is to be reported, and which pages are at fault.
    ///
    /// Fails with [`EDOM`] if the catalog says otherwise.
    pub(crate) fn expect_report(&self, pfns: PfnRange) -> Result {
        self.agree(Expect::Report)?;
        self.announce(fmt!("expect report pfn {}", pfns));
        Ok(())
    }

    /// Says that nothing is to be reported from here to the end.
    ///
    /// Fails with [`EDOM`] if the catalog says otherwise.
    pub(crate) fn expect_silence(&self) -> Result {
        self.agree(Expect::Silent)?;
        self.announce(fmt!("expect silent"));
        Ok(())
    }

    /// Says that the reports announced by [`expect_report`](Self::expect_report) are over, and
    /// that what comes next is innocent.
    ///
    /// Fails with [`EDOM`] if no report was announced.
    pub(crate) fn expect_no_more(&self) -> Result {
        self.check_announced()?;
        self.announce(fmt!("expect silent"));
        Ok(())
    }

    /// Fails with [`EDOM`] if nothing was announced.
    pub(crate) fn check_announced(&self) -> Result {
        if self.announced.get() {
            Ok(())
        } else {
            Err(EDOM)
        }
    }

    /// Says how many bytes of somebody else's page the device has written over.
    pub(crate) fn witness(&self, bytes: usize) {
        self.announce(fmt!("overwritten {} bytes", bytes));
    }

    /// Says that the performance begins.
    pub(crate) fn begin(&self) {
        self.announce(fmt!("begin"));
    }

    /// Says that the performance is over and went as the case meant it to.
    pub(crate) fn end(&self) {
        self.announce(fmt!("end"));
    }

    /// Says that the case could not be performed.
    pub(crate) fn failed(&self, why: Error) {
        self.announce(fmt!("failed: {:?}", why));
    }

    fn announce(&self, what: fmt::Arguments<'_>) {
        pr_info!(
            "p{:02} {} {}: {}\n",
            self.case.number,
            self.variant.name(),
            self.place.name(),
            what
        );
    }

    fn agree(&self, expect: Expect) -> Result {
        let catalogued = match self.variant {
            Variant::Bug => self.case.bug,
            Variant::Twin => self.case.twin,
        };
        if catalogued != expect {
            return Err(EDOM);
        }
        self.announced.set(true);
        Ok(())
    }
}
