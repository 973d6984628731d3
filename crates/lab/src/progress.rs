// SPDX-License-Identifier: Apache-2.0 OR MIT

//! How long work is told to whoever watches.

/// A listener to the lab's work. All methods may be called from several threads.
pub trait Progress: Send + Sync {
    /// Work named `title` begins; the returned step hears how it goes.
    fn begin(&self, title: &str) -> Box<dyn Step>;

    /// Something the user should know that is not an error.
    fn note(&self, text: &str);
}

/// One piece of work under way. A step that is dropped without [`Step::finish`] has failed.
pub trait Step: Send {
    /// The work consists of `n` units; 0 when unknown.
    fn set_total(&mut self, n: u64);

    /// `n` units are done.
    fn advance_to(&mut self, n: u64);

    /// What is being done right now.
    fn message(&mut self, m: &str);

    /// The work is done; `outcome` says what came of it in a few words.
    fn finish(self: Box<Self>, outcome: &str);
}

/// Listens to nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet;

impl Progress for Quiet {
    fn begin(&self, _title: &str) -> Box<dyn Step> {
        Box::new(Quiet)
    }

    fn note(&self, _text: &str) {}
}

impl Step for Quiet {
    fn set_total(&mut self, _n: u64) {}

    fn advance_to(&mut self, _n: u64) {}

    fn message(&mut self, _m: &str) {}

    fn finish(self: Box<Self>, _outcome: &str) {}
}
