// SPDX-License-Identifier: GPL-2.0-only

//! What all threads share: domains, and the right to do wrong.

use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        Mutex,
        MutexGuard, //
    }, //
};

use crate::{
    faults::Faults,
    support::{
        Domain,
        Format,
        Pages,
        SharedDomains, //
    },
    tally::Tally,
};

/// How many domains of each format there are.
const EACH: usize = 1;

/// Seen by all threads.
pub(crate) struct Scene {
    /// Those that are used.
    pub(crate) formats: &'static [Format],
    pub(crate) domains: SharedDomains,
    pub(crate) tally: Tally,
    pub(crate) faults: Faults,
    /// One in so many blocks is freed while mapped, if any.
    wrong: Option<usize>,
    /// Held while pages are allocated, and while one is free and mapped: so none of the threads
    /// can get that page. If it did and freed it wrongly, too, that would be no new bug.
    allocation: Pin<KBox<Mutex<()>>>,
}

impl Scene {
    /// Makes domains of these formats, of which there is at least one.
    pub(crate) fn new(formats: &'static [Format], wrong: u32, faults: u32) -> Result<Self> {
        let mut domains = KVec::with_capacity(EACH * formats.len(), GFP_KERNEL)?;
        for format in formats.iter().cycle().take(EACH * formats.len()) {
            domains.push_within_capacity(Domain::new(*format)?)?;
        }
        Ok(Self {
            formats,
            domains: SharedDomains::new(domains),
            tally: Tally::new(),
            faults: Faults::new(faults)?,
            // CAST: An `unsigned int`.
            wrong: (wrong != 0).then_some(wrong as usize),
            allocation: KBox::pin_init(new_mutex!(()), GFP_KERNEL)?,
        })
    }

    /// How many domains there are at most.
    pub(crate) const MOST: usize = EACH * Format::ALL.len();

    /// How many domains there are.
    pub(crate) fn len(&self) -> usize {
        EACH * self.formats.len()
    }

    /// One in how many blocks is freed while mapped, if any.
    pub(crate) fn wrong(&self) -> Option<usize> {
        self.wrong
    }

    /// Allocates a block; `None` if there is no memory for it now.
    pub(crate) fn allocate(&self, order: u32) -> Option<Pages> {
        // Those who only do right need not wait for each other.
        let _guard = self.wrong.map(|_| self.allocation.lock());
        Pages::with_flags(order, kernel::bindings::__GFP_NOWARN).ok()
    }

    /// Until this is dropped, no thread gets a page.
    pub(crate) fn hold_allocation(&self) -> MutexGuard<'_, ()> {
        self.allocation.lock()
    }
}
