//! A cell for host tests.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use dmasan_engine::Cell;

/// A word of the host whose weak exchanges fail every other time, as they may.
#[derive(Debug, Default)]
pub(crate) struct HostCell {
    word: AtomicU32,
    fail: AtomicBool,
}

impl Cell for HostCell {
    fn load(&self) -> u32 {
        self.word.load(Ordering::Relaxed)
    }

    fn load_acquire(&self) -> u32 {
        self.word.load(Ordering::Acquire)
    }

    fn fetch_add(&self, value: u32) -> u32 {
        self.word.fetch_add(value, Ordering::SeqCst)
    }

    fn compare_exchange_weak(&self, current: u32, new: u32) -> Result<u32, u32> {
        if !self.fail.fetch_xor(true, Ordering::Relaxed) {
            return Err(self.load());
        }
        self.word
            .compare_exchange(current, new, Ordering::SeqCst, Ordering::SeqCst)
    }
}
