// SPDX-License-Identifier: GPL-2.0-only

//! Numbers that many processors count up.

use kernel::{
    cpu::CpuId,
    sync::atomic::{Atomic, Relaxed}, //
};

/// Processors that do not share a place.
const PLACES: usize = 16;

/// A number in pieces, so that processors do not wait for each other.
pub(crate) struct Counter([Place; PLACES]);

/// A cache line.
#[repr(align(64))]
struct Place(Atomic<u64>);

impl Counter {
    pub(crate) const fn new() -> Self {
        Self([const { Place(Atomic::new(0)) }; PLACES])
    }

    /// Adds one.
    pub(crate) fn add(&self) {
        // CAST: Linux has no more than 8192 processors.
        let at = CpuId::current().as_u32() as usize % PLACES;
        if let Some(place) = self.0.get(at) {
            place.0.fetch_add(1, Relaxed);
        }
    }

    /// The sum.
    pub(crate) fn sum(&self) -> u64 {
        self.0.iter().map(|place| place.0.load(Relaxed)).sum()
    }
}
