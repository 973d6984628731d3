// SPDX-License-Identifier: GPL-2.0-only

//! Many measurements of one operation, and what is said of them.
//!
//! Operations are timed one by one, but clocks are coarse: a time stamp counter may advance in
//! steps of 25 cycles, where a map takes 100. So a sample is the mean of a few measurements, in
//! which the steps average out, and what disturbs the machine for a moment spoils few samples.

use kernel::{
    fmt,
    prelude::*, //
};

/// More than this tells nothing new.
pub(crate) const MOST: usize = 4096;

/// What takes so long, in the clock's units, is a sample by itself.
const LONG: u64 = 20_000;

/// Measurements that make a sample at most.
const LARGEST_BATCH: u64 = 64;

/// The costs of one operation.
pub(crate) struct Samples {
    costs: KVVec<u64>,
    /// How many measurements make a sample.
    batch: u32,
    /// The sample in the making.
    sum: u64,
    summed: u32,
}

impl Samples {
    /// Makes room for [`MOST`] samples, so that collecting them allocates nothing.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            costs: KVVec::with_capacity(MOST, GFP_KERNEL)?,
            batch: 1,
            sum: 0,
            summed: 0,
        })
    }

    /// Adds a measurement. Beyond [`MOST`] samples it is forgotten.
    pub(crate) fn push(&mut self, cost: u64) {
        self.sum += cost;
        self.summed += 1;
        if self.summed == self.batch {
            let mean = (self.sum + u64::from(self.batch / 2)) / u64::from(self.batch);
            // That there is no room is no error here.
            let _ = self.costs.push_within_capacity(mean);
            self.sum = 0;
            self.summed = 0;
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.costs.len()
    }

    /// Forgets all of them, and makes the next ones of as many measurements as their costs
    /// suggest.
    pub(crate) fn restart(&mut self) {
        self.costs.sort_unstable();
        let typical = self.costs.get(self.costs.len() / 2).map_or(1, |cost| *cost);
        // CAST: At most `LARGEST_BATCH`.
        self.batch = (LONG / typical.max(1)).clamp(1, LARGEST_BATCH) as u32;
        self.costs.clear();
        self.sum = 0;
        self.summed = 0;
    }

    /// Takes over those of another thread.
    pub(crate) fn append(&mut self, other: &Self) -> Result {
        self.costs.extend_from_slice(&other.costs, GFP_KERNEL)?;
        self.batch = other.batch;
        Ok(())
    }

    /// Sorts them out; `None` if there are none.
    pub(crate) fn quartiles(&mut self) -> Option<Quartiles> {
        self.costs.sort_unstable();
        let costs = self.costs.as_slice();
        let last = costs.len().checked_sub(1)?;
        Some(Quartiles {
            samples: costs.len(),
            batch: self.batch,
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
    batch: u32,
    min: u64,
    p25: u64,
    median: u64,
    p75: u64,
}

impl fmt::Display for Quartiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "samples={} batch={} min={} p25={} median={} p75={}",
            self.samples, self.batch, self.min, self.p25, self.median, self.p75
        )
    }
}
