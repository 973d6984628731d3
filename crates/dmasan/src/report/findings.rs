// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What is in a log, whatever it is shown as.

use std::sync::LazyLock;

use dmasan_report::{Bug, Report};
use memchr::memmem::Finder;
use serde::{Serialize, Serializer};

use super::told::ToldBug;

/// The JSON object of `dmasan report --json`, which `crates/report/JSON.md` describes. Fields may
/// be added.
#[derive(Debug, Serialize)]
pub(super) struct Findings {
    /// The log's name.
    pub(super) log: String,
    /// Its length in lines.
    pub(super) lines: u64,
    /// Its length in bytes.
    pub(super) bytes: u64,
    /// Whether it ends in the middle of a report.
    pub(super) cut_off: bool,
    /// Messages that the kernel itself says it lost.
    pub(super) lost_messages: u64,
    /// How many reports there are.
    pub(super) reports: u64,
    /// How many of them are of bugs beyond those listed.
    pub(super) untold_reports: u64,
    /// The bugs, in the order of the log.
    #[serde(serialize_with = "explained")]
    pub(super) bugs: Vec<Bug>,
    /// What would tell more.
    pub(super) hints: Vec<String>,
}

/// Every bug with its explanation.
fn explained<S: Serializer>(bugs: &[Bug], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(bugs.iter().map(ToldBug::in_full))
}

impl Findings {
    /// Says what else could be given, where it would tell something.
    pub(super) fn hint(&mut self, vmlinux: bool, modules: bool) {
        if self.cut_off {
            let text = "the log ends in the middle of a report: what follows is missing";
            self.hints.push(text.to_owned());
        }
        if self.lost_messages > 0 {
            self.hints.push(format!(
                "the kernel lost {} messages, of reports perhaps: boot with a larger log_buf_len=",
                self.lost_messages
            ));
        }
        let stacks = self
            .bugs
            .iter()
            .any(|bug| bug.report.stacks().next().is_some());
        if stacks && !vmlinux {
            let text = if modules {
                "--vmlinux PATH shows where in the kernel's source that is"
            } else {
                "--vmlinux PATH and --modules DIR show where in the source that is"
            };
            self.hints.push(text.to_owned());
        }
    }

    /// `2 bugs, 5 reports`
    pub(super) fn summary(&self) -> String {
        match self.bugs.len() {
            0 => format!("no reports in {}", count(self.lines, "line")),
            bugs => tally(bugs, self.reports, self.untold_reports),
        }
    }
}

/// `2 bugs, 5 reports`
pub(crate) fn tally(bugs: usize, reports: u64, untold: u64) -> String {
    let bugs = count(bugs as u64, "bug");
    let reports = count(reports, "report");
    match untold {
        0 => format!("{bugs}, {reports}"),
        untold => format!("{bugs}, {reports} ({untold} more of other bugs, not shown)"),
    }
}

fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// `freed-while-mapped in zoo::bug [zoo]`
pub(crate) fn headline(bug: &Bug) -> String {
    let mut text = bug.report.kind.to_string();
    if let Some(culprit) = &bug.culprit {
        text.push_str(&format!(" in {}", culprit.function));
        if let Some(module) = &culprit.module {
            text.push_str(&format!(" [{module}]"));
        }
    } else if let Some(driver) = &bug.driver {
        text.push_str(&format!(" by {driver}"));
    }
    text
}

/// `3 reports, at lines 4, 130 and 259`, `1 report, at line 4`
pub(crate) fn occurrences(bug: &Bug) -> String {
    const SHOWN: usize = 3;
    let lines: Vec<String> = bug.lines.iter().take(SHOWN).map(u64::to_string).collect();
    let lines = lines.join(", ");
    match bug.count {
        1 => format!("1 report, at line {lines}"),
        count if count > SHOWN as u64 => format!("{count} reports, at lines {lines}, …"),
        count => format!("{count} reports, at lines {lines}"),
    }
}

/// Who wrote a report, in words.
pub(super) fn writer(report: &Report) -> &'static str {
    match report.implementation {
        dmasan_report::Implementation::Rust => "dmasan",
        dmasan_report::Implementation::C => "the kernel's sanitizer in C",
        dmasan_report::Implementation::DmaApi => "DMA_API_DEBUG",
    }
}

/// How many messages the kernel says it has lost: `** 12 printk messages dropped **`.
pub(super) fn lost_messages(line: &str) -> u64 {
    static MARK: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(" printk messages dropped"));
    let Some(at) = MARK.find(line.as_bytes()) else {
        return 0;
    };
    let number = line[..at].rsplit(' ').next();
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_messages_are_counted() {
        assert_eq!(lost_messages("** 12 printk messages dropped **"), 12);
        assert_eq!(
            lost_messages("[  1.0] ** 3 printk messages dropped **\r"),
            3
        );
        assert_eq!(lost_messages("no printk messages dropped"), 0);
    }
}
