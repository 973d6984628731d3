// SPDX-License-Identifier: GPL-2.0-only

//! Does one thing over and over, in one thread or in several at the same time.

use kernel::{
    new_mutex,
    prelude::*,
    processor::cpu_relax,
    sync::atomic::{
        Acquire,
        Atomic,
        Release, //
    },
    time::{
        Delta,
        Instant,
        Monotonic, //
    },
};

use crate::{
    samples::{
        self,
        Samples, //
    },
    support,
};

/// However short the time is.
const FEWEST: usize = 5;

/// What a thread does: an operation and the one that undoes it.
pub(crate) trait Pair {
    /// Does both, and says what each has cost.
    fn once(&mut self) -> Result<(u64, u64)>;
}

/// How to measure.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    /// How many threads do it at the same time.
    pub(crate) threads: usize,
    /// How long.
    pub(crate) millis: u32,
    /// How long to wait after each operation, in units of the clock.
    pub(crate) pause: u64,
}

/// The costs of both operations, from all threads together.
///
/// `prepare` is called in each thread, with its number, and makes what that thread repeats.
/// The first eighth of the time is not counted: until then page tables have been allocated and
/// caches filled.
pub(crate) fn measure<P, F>(effort: Effort, prepare: F) -> Result<(Samples, Samples)>
where
    P: Pair,
    F: Fn(usize) -> Result<P> + Sync,
{
    let all = KBox::pin_init(new_mutex!((Samples::new()?, Samples::new()?)), GFP_KERNEL)?;
    let barrier = Barrier::new(effort.threads);
    support::on_each(effort.threads, |index| {
        let pair = prepare(index);
        let costs = Samples::new().and_then(|one| Ok((one, Samples::new()?)));
        // Whoever has failed comes here as well, so that nobody waits for ever.
        barrier.wait();
        let (mut pair, (mut first, mut second)) = (pair?, costs?);

        repeat(&mut pair, &mut first, &mut second, effort.millis / 8)?;
        first.restart();
        second.restart();
        repeat(&mut pair, &mut first, &mut second, effort.millis)?;

        let mut all = all.lock();
        all.0.append(&first)?;
        all.1.append(&second)
    })?;
    let mut all = all.lock();
    let taken = (
        core::mem::replace(&mut all.0, Samples::new()?),
        core::mem::replace(&mut all.1, Samples::new()?),
    );
    Ok(taken)
}

fn repeat(pair: &mut impl Pair, first: &mut Samples, second: &mut Samples, millis: u32) -> Result {
    let begin = Instant::<Monotonic>::now();
    let time = Delta::from_millis(i64::from(millis));
    let fewest = |first: &Samples, second: &Samples| first.len().min(second.len());
    while fewest(first, second) < samples::MOST
        && (fewest(first, second) < FEWEST || begin.elapsed() < time)
    {
        let (one, two) = pair.once()?;
        first.push(one);
        second.push(two);
        support::yield_now();
    }
    Ok(())
}

/// Where threads wait for each other.
struct Barrier(Atomic<usize>);

impl Barrier {
    fn new(count: usize) -> Self {
        Self(Atomic::new(count))
    }

    /// Returns when all have come.
    fn wait(&self) {
        // Release, Acquire: what any of them did before happens before what any does after.
        self.0.fetch_sub(1, Release);
        while self.0.load(Acquire) != 0 {
            cpu_relax();
            // With fewer processors than threads, the others need this one.
            support::yield_now();
        }
    }
}
