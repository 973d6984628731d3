// SPDX-License-Identifier: GPL-2.0-only

//! Chance that can be repeated.

/// A stream of numbers that look random, determined by a seed (SplitMix64).
pub(crate) struct Random(u64);

impl Random {
    /// One of many streams with the same seed.
    pub(crate) fn new(seed: u64, stream: usize) -> Self {
        // CAST: The number of a thread.
        let mut mixer = Self(seed ^ (stream as u64).rotate_left(32));
        Self(mixer.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number below `end`, or 0 if that is 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        // CAST: The result is below `end`.
        (self.next() % (end as u64).max(1)) as usize
    }

    /// True one time in `n`.
    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}
