// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What came of a run.

use std::fmt;
use std::path::PathBuf;

use dmasan_lab::{Boot, Kernel, MachineKind};
use dmasan_report::Report;
use serde::Serialize;

use crate::cli::SanitizerOrOff;
use crate::exit::Exit;

/// The status by which the guest says that a module could not be loaded.
const NOT_LOADED: i32 = 125;
/// Reports listed for people; a program gets them all.
const LISTED: usize = 20;

/// The JSON object of `dmasan run --json`. Fields may be added.
#[derive(Debug, Serialize)]
pub(super) struct Outcome {
    machine: MachineKind,
    #[serde(rename = "impl")]
    sanitizer: &'static str,
    /// The kernel's release.
    kernel: String,
    /// How it ended.
    ending: Ending,
    /// The command's own status, if it got that far.
    status: Option<i32>,
    /// What the program's exit status says.
    exit: u8,
    seconds: f64,
    /// The console as a file.
    log: PathBuf,
    reports: Vec<Report>,
}

/// How the guest ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Ending {
    /// The command succeeded, or the modules were loaded and there was no command.
    Succeeded,
    /// The command failed.
    Failed,
    /// A module could not be loaded, and the command did not run.
    NotLoaded,
    /// The time was up.
    TimedOut,
    /// The kernel panicked.
    Panicked,
    /// The guest ended without a word.
    Died,
}

impl Ending {
    fn of(boot: &Boot) -> Self {
        match boot.exit {
            _ if boot.timed_out => Self::TimedOut,
            _ if boot.panicked => Self::Panicked,
            Some(0) => Self::Succeeded,
            Some(NOT_LOADED) if boot.console.iter().any(|line| is_insmod_failure(line)) => {
                Self::NotLoaded
            }
            Some(_) => Self::Failed,
            None => Self::Died,
        }
    }
}

/// `dmasan-guest: insmod NAME failed`, as the guest's init says it.
fn is_insmod_failure(line: &str) -> bool {
    let words = dmasan_report::message(line).strip_prefix("dmasan-guest: insmod ");
    words.is_some_and(|words| words.ends_with("failed"))
}

/// How the program is to end.
fn exit(ending: Ending, reports: usize) -> Exit {
    match ending {
        _ if reports > 0 => Exit::Found,
        Ending::Succeeded => Exit::Good,
        Ending::Failed => Exit::CommandFailed,
        Ending::NotLoaded | Ending::TimedOut | Ending::Panicked | Ending::Died => Exit::CouldNotRun,
    }
}

impl Outcome {
    pub(super) fn new(
        kernel: &Kernel,
        sanitizer: SanitizerOrOff,
        boot: &Boot,
        reports: Vec<Report>,
    ) -> Self {
        let ending = Ending::of(boot);
        Self {
            machine: kernel.machine,
            sanitizer: match sanitizer {
                SanitizerOrOff::Rust => "rust",
                SanitizerOrOff::C => "c",
                SanitizerOrOff::Off => "off",
            },
            kernel: kernel.release.clone(),
            ending,
            status: boot.exit,
            exit: exit(ending, reports.len()).code(),
            seconds: boot.seconds,
            log: boot.log.clone(),
            reports,
        }
    }

    pub(super) fn exit_status(&self) -> Exit {
        exit(self.ending, self.reports.len())
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f)?;
        for report in self.reports.iter().take(LISTED) {
            writeln!(f, "{report}\n")?;
        }
        if self.reports.len() > LISTED {
            writeln!(
                f,
                "… and {} more in the console\n",
                self.reports.len() - LISTED
            )?;
        }
        match (self.sanitizer, self.reports.len()) {
            ("off", _) => write!(f, "the sanitizer was off")?,
            (_, 0) => write!(f, "no reports")?,
            (_, 1) => write!(f, "1 report")?,
            (_, n) => write!(f, "{n} reports")?,
        }
        match (self.ending, self.status) {
            (Ending::Succeeded, _) => write!(f, "; the guest succeeded")?,
            (Ending::Failed, Some(status)) => {
                write!(f, "; the command ended with status {status}")?
            }
            (Ending::NotLoaded, _) => write!(f, "; a module could not be loaded")?,
            (Ending::TimedOut, _) => write!(f, "; the time was up")?,
            (Ending::Panicked, _) => write!(f, "; the kernel panicked")?,
            (Ending::Failed | Ending::Died, _) => write!(f, "; the guest died")?,
        }
        write!(
            f,
            " after {:.1} s (console: {})",
            self.seconds,
            self.log.display()
        )?;
        if self.reports.is_empty() {
            return Ok(());
        }
        write!(f, "\nexplained: dmasan report {}", self.log.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boot(exit: Option<i32>, console: &[&str]) -> Boot {
        Boot {
            console: console.iter().map(|line| (*line).to_owned()).collect(),
            exit,
            timed_out: false,
            panicked: false,
            seconds: 0.2,
            log: PathBuf::from("/log"),
        }
    }

    #[test]
    fn the_guests_end_decides_unless_there_are_reports() {
        for (exit_code, status) in [(Some(0), 0), (Some(3), 3), (None, 2)] {
            let ending = Ending::of(&boot(exit_code, &[]));
            assert_eq!(exit(ending, 0).code(), status);
            assert_eq!(exit(ending, 1).code(), 1);
        }
    }

    #[test]
    fn time_and_panic_come_before_the_status() {
        let late = Boot {
            timed_out: true,
            ..boot(Some(0), &[])
        };
        let panicked = Boot {
            panicked: true,
            ..boot(None, &[])
        };
        assert_eq!(Ending::of(&late), Ending::TimedOut);
        assert_eq!(Ending::of(&panicked), Ending::Panicked);
    }

    #[test]
    fn a_command_may_end_with_the_status_of_a_failed_load() {
        assert_eq!(Ending::of(&boot(Some(125), &[])), Ending::Failed);
        let failed = ["[    0.1] dmasan-guest: insmod x.ko failed"];
        assert_eq!(Ending::of(&boot(Some(125), &failed)), Ending::NotLoaded);
    }

    #[test]
    fn the_forms_are_stable() {
        let line = [
            "BUG: DMASAN: freed-while-mapped",
            "mapped: pfn 0x10, 1 page, 1 translation",
        ];
        let outcome = Outcome {
            machine: MachineKind::Uml,
            sanitizer: "rust",
            kernel: "7.3.4".to_owned(),
            ending: Ending::Failed,
            status: Some(4),
            exit: 1,
            seconds: 0.25,
            log: PathBuf::from("/log"),
            reports: dmasan_report::Log::parse(line).reports,
        };
        insta::assert_snapshot!("json", serde_json::to_string_pretty(&outcome).unwrap());
        insta::assert_snapshot!("text", outcome.to_string());
    }
}
