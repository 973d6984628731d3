// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Leaves in, runs out.

use super::{PhysAddr, Run};

/// Joins leaves that follow one another in memory into runs as long as possible.
///
/// A page-table walk hands its leaves to [`Merger::push`] in the order in which it meets them and
/// ends with [`Merger::finish`]. The layout is C's, since the walk that owns it is C code.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Merger {
    first: u64,
    last: u64,
    open: u64,
}

impl Merger {
    /// Nothing gathered yet.
    pub const fn new() -> Self {
        Self {
            first: 0,
            last: 0,
            open: 0,
        }
    }

    /// Adds a leaf. Returns the run before it if the leaf does not continue it.
    #[inline]
    pub fn push(&mut self, leaf: Run) -> Option<Run> {
        let before = self.finish();
        let joined = before.and_then(|run| run.join(leaf));
        let run = joined.unwrap_or(leaf);
        (self.first, self.last, self.open) = (run.first().0, run.last().0, 1);
        match joined {
            Some(_) => None,
            None => before,
        }
    }

    /// The run that is still open, if any.
    #[inline]
    pub fn finish(&mut self) -> Option<Run> {
        if core::mem::take(&mut self.open) == 0 {
            return None;
        }
        Run::closed(PhysAddr(self.first), PhysAddr(self.last))
    }
}
