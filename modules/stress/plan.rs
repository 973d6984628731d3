// SPDX-License-Identifier: GPL-2.0-only

//! From the beginning to the end.

use kernel::prelude::*;

use crate::{
    actor::Actor,
    drain,
    scene::Scene,
    support::{
        self,
        Format, //
    },
};

/// More threads than anybody needs.
const MOST_THREADS: usize = 64;

/// What the module parameters ask for.
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) threads: usize,
    pub(crate) millis: u32,
    pub(crate) wrong: u32,
    pub(crate) faults: u32,
    pub(crate) formats: usize,
}

impl Plan {
    /// Does it, and says in the log what was done.
    ///
    /// Fails with [`EINVAL`] if there are no threads, or too many of them or of formats, and
    /// with the first error of a thread.
    pub(crate) fn run(&self) -> Result {
        if self.threads == 0 || self.threads > MOST_THREADS {
            pr_err!("threads={}: 1 to {}\n", self.threads, MOST_THREADS);
            return Err(EINVAL);
        }
        let all: &[Format] = &Format::ALL;
        let formats = match self.formats {
            0 => all,
            some => all.get(..some).ok_or(EINVAL).inspect_err(|_| {
                pr_err!("formats={}: {} at most\n", some, all.len());
            })?,
        };
        pr_info!(
            "begin seed={} threads={} millis={} wrong={} faults={}\n",
            self.seed,
            self.threads,
            self.millis,
            self.wrong,
            self.faults
        );
        let scene = Scene::new(formats, self.wrong, self.faults)?;
        support::on_each(self.threads, |index| {
            Actor::new(&scene, self.seed, index)?
                .act(self.millis)
                .inspect_err(|error| pr_err!("thread {} failed: {}\n", index, error.to_errno()))
        })?;
        let Scene { domains, tally, .. } = scene;
        // Whoever counts has to come to zero before the domains end, not by their end.
        let drained = drain::drain()?;
        drop(domains);
        pr_info!("end {} drained={}\n", tally, drained);
        Ok(())
    }
}
