// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What came of a run.

use std::path::PathBuf;

use dmasan_lab::{Boot, Kernel, MachineKind};
use dmasan_report::Bug;
use serde::{Serialize, Serializer};

use super::watch::Found;
use crate::cli::SanitizerOrOff;
use crate::exit::Exit;
use crate::report::{ToldBug, ToldReport};

/// The status by which the guest says that a module could not be loaded.
const NOT_LOADED: i32 = 125;

/// The JSON object of `dmasan run --json`. Fields may be added.
#[derive(Debug, Serialize)]
pub(super) struct Outcome {
    machine: MachineKind,
    #[serde(rename = "impl")]
    pub(super) sanitizer: &'static str,
    /// The kernel's release.
    kernel: String,
    /// How it ended.
    pub(super) ending: Ending,
    /// The command's own status, if it got that far.
    pub(super) status: Option<i32>,
    /// What the program's exit status says.
    exit: u8,
    pub(super) seconds: f64,
    /// The console as a file.
    pub(super) log: PathBuf,
    /// All reports, if they were kept.
    reports: Vec<ToldReport>,
    /// What they are about, in the order in which it came up.
    #[serde(serialize_with = "in_short")]
    pub(super) bugs: Vec<Bug>,
    /// What would tell more.
    pub(super) hints: Vec<String>,
    /// How many reports there were, kept or not.
    #[serde(skip)]
    pub(super) count: u64,
    /// How many of them were of bugs beyond those listed.
    #[serde(skip)]
    pub(super) untold: u64,
}

fn in_short<S: Serializer>(bugs: &[Bug], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(bugs.iter().map(ToldBug::in_short))
}

/// How the guest ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Ending {
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
fn exit(ending: Ending, reports: u64) -> Exit {
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
        found: Found,
        hints: Vec<String>,
    ) -> Self {
        let ending = Ending::of(boot);
        let count = found.bugs.reports();
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
            exit: exit(ending, count).code(),
            seconds: boot.seconds,
            log: boot.log.clone(),
            reports: found.reports.into_iter().map(ToldReport::from).collect(),
            untold: found.bugs.untold(),
            bugs: found.bugs.as_slice().to_vec(),
            hints,
            count,
        }
    }

    pub(super) fn exit_status(&self) -> Exit {
        exit(self.ending, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::super::show::show;
    use super::super::watch::tests::Text;
    use super::*;
    use crate::report::GuestSymbols;

    fn boot(exit: Option<i32>, console: &[&str]) -> Boot {
        Boot {
            console: console.iter().map(|line| (*line).to_owned()).collect(),
            exit,
            timed_out: false,
            panicked: false,
            seconds: 0.2,
            icount: None,
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
        let lines = [
            "BUG: DMASAN: freed-while-mapped",
            "mapped: pfn 0x10, 1 page, 1 translation",
            "====================",
        ];
        let report = dmasan_report::Log::parse(lines).reports.remove(0);
        let mut bugs = dmasan_report::Bugs::default();
        bugs.push(report.clone());
        let outcome = Outcome {
            machine: MachineKind::Uml,
            sanitizer: "rust",
            kernel: "7.3.4".to_owned(),
            ending: Ending::Failed,
            status: Some(4),
            exit: 1,
            seconds: 0.25,
            log: PathBuf::from("/log"),
            reports: vec![report.into()],
            count: bugs.reports(),
            untold: bugs.untold(),
            bugs: bugs.into_vec(),
            hints: vec!["look at it".to_owned()],
        };
        insta::assert_snapshot!("json", serde_json::to_string_pretty(&outcome).unwrap());
        let mut symbols = GuestSymbols::default();
        for (name, told) in [("text", false), ("text-after-follow", true)] {
            let mut text = Text::default();
            show(&mut text, &outcome, told, &mut symbols).unwrap();
            insta::assert_snapshot!(name, text.0);
        }
    }
}
