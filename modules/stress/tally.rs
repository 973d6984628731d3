// SPDX-License-Identifier: GPL-2.0-only

//! What has been done.

use kernel::{
    fmt,
    sync::atomic::{
        Atomic,
        Relaxed, //
    }, //
};

/// Counts what all threads do. Relaxed everywhere: they are read when the threads have ended.
pub(crate) struct Tally {
    pub(crate) blocks: Count,
    pub(crate) domains: Count,
    pub(crate) maps: Count,
    pub(crate) unmaps: Count,
    /// Pages freed while mapped.
    pub(crate) wrong: Count,
    /// Allocations that were made to fail.
    pub(crate) faults: Count,
}

/// A number that only grows.
pub(crate) struct Count(Atomic<u64>);

impl Count {
    /// One more.
    pub(crate) fn up(&self) {
        self.0.add(1, Relaxed);
    }
}

impl Tally {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        let zero = || Count(Atomic::new(0));
        Self {
            blocks: zero(),
            domains: zero(),
            maps: zero(),
            unmaps: zero(),
            wrong: zero(),
            faults: zero(),
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "wrong={} faults={} blocks={} domains={} maps={} unmaps={}",
            self.wrong.0.load(Relaxed),
            self.faults.0.load(Relaxed),
            self.blocks.0.load(Relaxed),
            self.domains.0.load(Relaxed),
            self.maps.0.load(Relaxed),
            self.unmaps.0.load(Relaxed)
        )
    }
}
