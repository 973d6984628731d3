// SPDX-License-Identifier: GPL-2.0-only

//! Many measurements of one operation, and what is said of them.

use kernel::{
    fmt,
    prelude::*, //
};

/// More than this tells nothing new.
pub(crate) const MOST: usize = 8192;

/// The costs of one operation, each measured by itself.
pub(crate) struct Samples(KVVec<u64>);

impl Samples {
    /// Makes room for [`MOST`] samples of each of several threads, so that collecting them
    /// allocates nothing.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self(KVVec::with_capacity(MOST, GFP_KERNEL)?))
    }

    /// Adds one. Beyond [`MOST`] it is forgotten.
    pub(crate) fn push(&mut self, cost: u64) {
        // That there is no room is no error here.
        let _ = self.0.push_within_capacity(cost);
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Forgets all of them.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Takes over those of another thread.
    pub(crate) fn append(&mut self, other: &Self) -> Result {
        self.0.extend_from_slice(&other.0, GFP_KERNEL)?;
        Ok(())
    }

    /// Sorts them out; `None` if there are none.
    pub(crate) fn quartiles(&mut self) -> Option<Quartiles> {
        self.0.sort_unstable();
        let costs = self.0.as_slice();
        let last = costs.len().checked_sub(1)?;
        Some(Quartiles {
            samples: costs.len(),
            min: costs[0],
            p25: costs[last / 4],
            median: costs[last / 2],
            p75: costs[last - last / 4],
        })
    }
}

/// What is said of the samples. A mean would say more about the host than about the operation.
pub(crate) struct Quartiles {
    samples: usize,
    min: u64,
    p25: u64,
    median: u64,
    p75: u64,
}

impl fmt::Display for Quartiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "samples={} min={} p25={} median={} p75={}",
            self.samples, self.min, self.p25, self.median, self.p75
        )
    }
}
