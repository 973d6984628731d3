//! What has passed and what has not.

/// Tests that have run. A step adds one for each test that it can tell apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    /// One line for each failure.
    pub(crate) failures: Vec<String>,
    /// One line for each thing that was asked for and could not be tried.
    pub(crate) missing: Vec<String>,
}

impl Tally {
    /// One test, which passed or did not.
    pub(crate) fn check(&mut self, name: &str, passed: bool) {
        if passed {
            self.passed += 1;
        } else {
            self.fail(name);
        }
    }

    /// One test that failed.
    pub(crate) fn fail(&mut self, name: &str) {
        self.failed += 1;
        self.failures.push(name.to_owned());
    }

    /// Something that was asked for could not be tried.
    pub(crate) fn not_run(&mut self, what: &str) {
        self.missing.push(what.to_owned());
    }

    /// Everything that was asked for was tried and has passed.
    pub(crate) fn is_good(&self) -> bool {
        self.failed == 0 && self.missing.is_empty()
    }

    /// Takes over what another tally has.
    pub(crate) fn add(&mut self, other: Tally) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.failures.extend(other.failures);
        self.missing.extend(other.missing);
    }
}
