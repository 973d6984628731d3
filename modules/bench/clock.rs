// SPDX-License-Identifier: GPL-2.0-only

//! The finest clock that the machine has.
//!
//! On x86-64 that is the time stamp counter, read directly: under User-Mode Linux `get_cycles()`
//! is always 0, and `ktime_get()` asks the host. Elsewhere it is `ktime_get()`.

use kernel::processor::cpu_relax;

/// A point in time, in units of [`UNIT`].
#[derive(Clone, Copy)]
pub(crate) struct Tick(u64);

#[cfg(target_arch = "x86_64")]
mod counter {
    use core::arch::asm;

    pub(crate) const UNIT: &str = "cycles";

    /// The time stamp counter, when all instructions before have been executed and none of those
    /// after.
    #[inline(always)]
    pub(super) fn read() -> u64 {
        let (low, high): (u32, u32);
        // SAFETY: The instructions change nothing but the two registers. That they may touch
        // memory, as far as the compiler knows, keeps what is measured where it is.
        unsafe {
            asm!(
                "lfence",
                "rdtsc",
                "lfence",
                out("eax") low,
                out("edx") high,
                options(nostack, preserves_flags),
            )
        };
        u64::from(high) << 32 | u64::from(low)
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod counter {
    use kernel::bindings;

    pub(crate) const UNIT: &str = "ns";

    pub(super) fn read() -> u64 {
        // SAFETY: It may be called in any context but NMI.
        // CAST: The time since boot is not negative.
        unsafe { bindings::ktime_get() as u64 }
    }
}

pub(crate) use counter::UNIT;

/// Reads the clock.
#[inline(always)]
pub(crate) fn now() -> Tick {
    Tick(counter::read())
}

impl Tick {
    /// Lets at least as much time go by, and says when that is over. `0`: it is over already.
    #[inline(always)]
    pub(crate) fn after(self, pause: u64) -> Tick {
        let mut tick = self;
        while tick.0.wrapping_sub(self.0) < pause {
            cpu_relax();
            tick = now();
        }
        tick
    }

    /// What has gone by since, less the cost of reading the clock.
    #[inline(always)]
    pub(crate) fn until(self, end: Tick, clock: Overhead) -> u64 {
        end.0.saturating_sub(self.0 + clock.0)
    }
}

/// What reading the clock costs, in units of [`UNIT`].
#[derive(Clone, Copy)]
pub(crate) struct Overhead(pub(crate) u64);

impl Overhead {
    /// Finds out: the least mean, as everything that disturbs adds to it.
    pub(crate) fn measure() -> Self {
        const BATCH: u64 = 256;
        let mut least = u64::MAX;
        for _ in 0..64 {
            let sum: u64 = (0..BATCH).map(|_| now().until(now(), Self(0))).sum();
            least = least.min(sum / BATCH);
        }
        Self(least)
    }
}
