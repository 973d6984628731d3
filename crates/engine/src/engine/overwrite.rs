// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Maps through drivers that write over entries which are still live.
//!
//! Most refuse. Some do not, and then the translation that was there is gone without an unmap:
//! nobody would ever uncount it, and its page would be called mapped for ever.

use super::{Granule, PhysAddr, Run};

/// The runs behind a part of the IOVA space that is about to be mapped.
///
/// The layout is C's: the C code that calls the driver keeps it on its stack.
#[repr(C)]
#[derive(Clone, Debug, Default)]
pub struct PendingMap {
    first: [u64; PendingMap::RUNS],
    bytes: [u64; PendingMap::RUNS],
    at: [u64; PendingMap::RUNS],
    len: u64,
}

impl PendingMap {
    /// How many runs fit. More are not seen, and stay counted.
    pub const RUNS: usize = 8;

    /// Nothing recorded.
    pub const fn new() -> Self {
        Self {
            first: [0; Self::RUNS],
            bytes: [0; Self::RUNS],
            at: [0; Self::RUNS],
            len: 0,
        }
    }

    /// Looks up what is live in `bytes` bytes from `iova` on, before they are mapped.
    ///
    /// `translate` is the driver's `iova_to_phys`. Its answer 0 is taken for no translation, so a
    /// live entry for physical address 0 goes unseen.
    pub fn look(
        &mut self,
        iova: u64,
        bytes: u64,
        granule: Granule,
        mut translate: impl FnMut(u64) -> u64,
    ) {
        self.len = 0;
        let mut at = 0u64;
        while at < bytes {
            let phys = translate(iova.wrapping_add(at));
            if phys != 0 && !self.push(phys, granule.bytes(), at) {
                return;
            }
            // Only a map as large as the address space gets to the end of it.
            at = at.saturating_add(granule.bytes());
        }
    }

    fn push(&mut self, phys: u64, len: u64, at: u64) -> bool {
        let next = self.len as usize;
        if let Some(last) = next.checked_sub(1) {
            if let (Some(first), Some(bytes), Some(begin)) = (
                self.first.get(last),
                self.bytes.get_mut(last),
                self.at.get(last),
            ) {
                let follows = |start: u64, here| start.checked_add(*bytes) == Some(here);
                if follows(*first, phys) && follows(*begin, at) {
                    *bytes += len;
                    return true;
                }
            }
        }
        let (Some(first), Some(bytes), Some(begin)) = (
            self.first.get_mut(next),
            self.bytes.get_mut(next),
            self.at.get_mut(next),
        ) else {
            return false;
        };
        (*first, *bytes, *begin) = (phys, len, at);
        self.len += 1;
        true
    }

    /// Calls `lost` for the runs that a map of `mapped` bytes from `iova` to `phys` has taken the
    /// place of.
    ///
    /// A driver that refuses maps nothing, or as much as comes before what is live. One that does
    /// not may still go by the translation that was there first: then the new one leads nowhere.
    /// `translate` is asked which of them it is.
    pub fn settle(
        &self,
        iova: u64,
        phys: PhysAddr,
        mapped: u64,
        granule: Granule,
        mut translate: impl FnMut(u64) -> u64,
        mut lost: impl FnMut(Lost),
    ) {
        let runs = self.first.iter().zip(&self.bytes).zip(&self.at);
        for ((&first, &bytes), &at) in runs.take(self.len as usize) {
            let bytes = bytes.min(mapped.saturating_sub(at));
            let mut done = 0;
            while done < bytes {
                let mut stays = |done: u64| {
                    let at = at.saturating_add(done);
                    translate(iova.wrapping_add(at)) == first.wrapping_add(done)
                };
                let old_stays = stays(done);
                let begin = done;
                loop {
                    done = done.saturating_add(granule.bytes());
                    if done >= bytes || stays(done) != old_stays {
                        break;
                    }
                }
                let bytes = done.min(bytes) - begin;
                let before = PhysAddr(first.wrapping_add(begin));
                let new = PhysAddr(phys.0.wrapping_add(at).wrapping_add(begin));
                let gone = if old_stays { new } else { before };
                if let (Some(before), Some(gone)) = (Run::new(before, bytes), Run::new(gone, bytes))
                {
                    lost(Lost { before, gone });
                }
            }
        }
    }
}

/// Two translations of the same addresses, one of which nobody can reach any more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Lost {
    /// What was there first.
    pub before: Run,
    /// What cannot be reached: that, or what was mapped over it.
    pub gone: Run,
}
