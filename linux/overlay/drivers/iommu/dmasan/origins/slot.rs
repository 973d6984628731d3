// SPDX-License-Identifier: GPL-2.0-only

//! Words that belong together, without a lock.

use kernel::{
    processor::cpu_relax,
    sync::{
        atomic::{Acquire, Atomic, Full, Relaxed, Release},
        barrier::{smp_mb, Read}, //
    }, //
};

/// How often a report looks again at what is being written: for no more than a moment, as it may
/// have interrupted the writer.
const LOOKS: u32 = 4096;

/// Words that are read and written as one.
///
/// A sequence count tells readers that they have met a writer. Nobody waits for long: a writer that
/// meets another one, which it may have interrupted, goes without.
#[repr(C)]
pub(super) struct Slot<const N: usize> {
    /// Odd while somebody writes.
    seq: Atomic<u32>,
    tag: Atomic<u32>,
    words: [Atomic<u64>; N],
}

/// What is in a slot.
#[derive(Clone, Copy)]
pub(super) struct Words<const N: usize> {
    pub(super) tag: u32,
    pub(super) words: [u64; N],
}

impl<const N: usize> Slot<N> {
    /// What is in it; `None` if it is being written.
    pub(super) fn read(&self) -> Option<Words<N>> {
        let before = self.seq.load(Acquire);
        let words = self.load();
        smp_mb(Read);
        (before & 1 == 0 && self.seq.load(Relaxed) == before).then_some(words)
    }

    /// What is in it, or will be in a moment: a page that is freed by one processor is often being
    /// unmapped by another. `None` if it is written for longer.
    pub(super) fn read_patiently(&self) -> Option<Words<N>> {
        for _ in 0..LOOKS {
            if let Some(words) = self.read() {
                return Some(words);
            }
            cpu_relax();
        }
        None
    }

    /// Changes it. Returns false, and changes nothing, if somebody else is at it.
    pub(super) fn update(&self, change: impl FnOnce(&mut Words<N>)) -> bool {
        let before = self.seq.load(Relaxed);
        let odd = before.wrapping_add(1);
        if before & 1 != 0 || self.seq.cmpxchg(before, odd, Full).is_err() {
            return false;
        }
        let mut new = self.load();
        change(&mut new);
        self.tag.store(new.tag, Relaxed);
        for (word, new) in self.words.iter().zip(new.words) {
            word.store(new, Relaxed);
        }
        self.seq.store(odd.wrapping_add(1), Release);
        true
    }

    /// The first word, which may have been changed since.
    pub(super) fn peek(&self) -> u64 {
        self.words.first().map_or(0, |word| word.load(Relaxed))
    }

    fn load(&self) -> Words<N> {
        Words {
            tag: self.tag.load(Relaxed),
            words: core::array::from_fn(|at| {
                self.words.get(at).map_or(0, |word| word.load(Relaxed))
            }),
        }
    }
}
