// SPDX-License-Identifier: Apache-2.0 OR MIT

//! How the program ends.

use std::io;
use std::process::ExitCode;

use dmasan_lab::LabError;

/// What the program's exit status says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All is well.
    Good,
    /// It ran, and something was found: a report, a case that is not as expected, a tree that
    /// does not fit.
    Found,
    /// It could not run.
    CouldNotRun,
    /// The guest's command failed, and nothing was found.
    CommandFailed,
    /// The user stopped it.
    Interrupted,
}

impl Exit {
    /// The status as a number.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Found => 1,
            Self::CouldNotRun => 2,
            Self::CommandFailed => 3,
            Self::Interrupted => 130,
        }
    }

    /// Tells the user about an error that ends the program.
    pub(crate) fn from_error(error: &anyhow::Error) -> Self {
        if is_interrupted(error) {
            eprintln!("dmasan: interrupted");
            return Self::Interrupted;
        }
        if !error.chain().any(is_closed_pipe) {
            eprintln!("dmasan: {error:#}");
        }
        Self::CouldNotRun
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}

/// Whether the user stopped it.
pub(crate) fn is_interrupted(error: &anyhow::Error) -> bool {
    error.chain().any(is_interruption)
}

fn is_interruption(error: &(dyn std::error::Error + 'static)) -> bool {
    matches!(error.downcast_ref(), Some(LabError::Interrupted))
}

/// Whoever read our output has seen enough, as in `dmasan run … | head`.
fn is_closed_pipe(error: &(dyn std::error::Error + 'static)) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interruption_is_seen_through_its_context() {
        let error = anyhow::Error::new(LabError::Interrupted).context("cannot boot");
        assert_eq!(Exit::from_error(&error), Exit::Interrupted);
        assert_eq!(Exit::from_error(&anyhow::anyhow!("no")), Exit::CouldNotRun);
    }
}
