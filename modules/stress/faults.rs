// SPDX-License-Identifier: GPL-2.0-only

//! Allocations that fail in the middle of what a thread does.
//!
//! The kernel's fault injection counts the allocations of a thread and lets one of them fail. Which of
//! them it considers at all is for user space to say, in debugfs.

use kernel::prelude::*;

use crate::random::Random;

/// The allocation that fails is one of so many: more than a map takes in the deepest table.
const FIRST: usize = 6;

/// When allocations fail.
pub(crate) struct Faults {
    /// One in so many times, if ever.
    one_in: Option<usize>,
}

impl Faults {
    /// One in so many times; 0 for never.
    ///
    /// Fails with [`EOPNOTSUPP`] if the kernel cannot do it.
    pub(crate) fn new(one_in: u32) -> Result<Self> {
        if one_in != 0 && cfg!(not(CONFIG_FAULT_INJECTION)) {
            return Err(EOPNOTSUPP);
        }
        Ok(Self {
            // CAST: An `unsigned int`.
            one_in: (one_in != 0).then_some(one_in as usize),
        })
    }

    /// Does something, and now and then lets an allocation in it fail. Returns whether one has failed as well.
    pub(crate) fn during<T>(&self, random: &mut Random, act: impl FnOnce() -> T) -> (T, bool) {
        if !self.one_in.is_some_and(|n| random.one_in(n)) {
            return (act(), false);
        }
        // CAST: A small number.
        fail_nth(1 + random.below(FIRST) as c_uint);
        let result = act();
        // It counts down to the one that fails.
        (result, fail_nth(0) == 0)
    }
}

/// Lets the allocation with this number from now on fail, or none if it is 0. Returns the number before.
#[cfg(CONFIG_FAULT_INJECTION)]
fn fail_nth(number: c_uint) -> c_uint {
    let task = kernel::current!().as_ptr();
    // SAFETY: The running thread's own, which others look at but do not write.
    unsafe {
        let place = &raw mut (*task).fail_nth;
        let before = place.read_volatile();
        place.write_volatile(number);
        before
    }
}

/// There is no such thing.
#[cfg(not(CONFIG_FAULT_INJECTION))]
fn fail_nth(number: c_uint) -> c_uint {
    number
}
