// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What came of a run, for people.

use std::fmt::Write as _;

use anyhow::Context;
use dmasan_report::{Bug, Bugs};

use super::outcome::{Ending, Outcome};
use super::watch::Out;
use crate::report::{entry, headline, hints, occurrences, tally, GuestSymbols};

/// Bugs told in full; all of them are in the log.
const TOLD: usize = 20;

/// Shows everything after the console: bugs in full, or in short if they have been told already.
pub(super) fn show(
    out: &mut dyn Out,
    outcome: &Outcome,
    told: bool,
    symbols: &mut GuestSymbols,
) -> anyhow::Result<()> {
    let mut text = String::from("\n");
    if told {
        text.push_str(&list(&outcome.bugs));
    } else {
        for (index, bug) in outcome.bugs.iter().take(TOLD).enumerate() {
            let mut bug = bug.clone();
            symbols.resolve(&mut bug.report);
            text.push_str(&entry(index + 1, &bug));
            text.push('\n');
        }
        if let Some(more @ 1..) = outcome.bugs.len().checked_sub(TOLD) {
            text.push_str(&format!(
                "… and {more} more: dmasan report {}\n\n",
                outcome.log.display()
            ));
        }
    }
    text.push_str(&ending(outcome));
    text.push('\n');
    text.push_str(&hints(&outcome.hints));
    out.text(&text).context("cannot show the reports")
}

/// Shows what was found before the guest was stopped.
pub(super) fn so_far(out: &mut dyn Out, bugs: &Bugs) -> anyhow::Result<()> {
    let text = match bugs.as_slice() {
        [] => "\nno reports so far\n".to_owned(),
        known => format!("\n{}{} so far\n", list(known), count(bugs)),
    };
    out.text(&text).context("cannot show the reports")
}

/// One line for each bug.
fn list(bugs: &[Bug]) -> String {
    let mut text = String::new();
    for (index, bug) in bugs.iter().enumerate() {
        // Strings take whatever is written to them.
        let _ = writeln!(
            text,
            "{}. {}: {}",
            index + 1,
            headline(bug),
            occurrences(bug)
        );
    }
    text
}

fn count(bugs: &Bugs) -> String {
    tally(bugs.as_slice().len(), bugs.reports(), bugs.untold())
}

/// `1 bug, 3 reports; the guest succeeded after 0.4 s (console: …)`
fn ending(outcome: &Outcome) -> String {
    let found = match (outcome.sanitizer, outcome.bugs.len()) {
        ("off", 0) => "the sanitizer was off".to_owned(),
        (_, 0) => "no reports".to_owned(),
        (_, bugs) => tally(bugs, outcome.count, outcome.untold),
    };
    let ended = match (outcome.ending, outcome.status) {
        (Ending::Succeeded, _) => "the guest succeeded".to_owned(),
        (Ending::Failed, Some(status)) => format!("the command ended with status {status}"),
        (Ending::NotLoaded, _) => "a module could not be loaded".to_owned(),
        (Ending::TimedOut, _) => "the time was up".to_owned(),
        (Ending::Panicked, _) => "the kernel panicked".to_owned(),
        (Ending::Failed | Ending::Died, _) => "the guest died".to_owned(),
    };
    format!(
        "{found}; {ended} after {:.1} s (console: {})",
        outcome.seconds,
        outcome.log.display()
    )
}

#[cfg(test)]
mod tests {
    use super::super::watch::tests::Text;
    use super::*;

    #[test]
    fn who_stops_a_guest_is_told_what_there_was() {
        let text = |bugs: &Bugs| {
            let mut text = Text::default();
            so_far(&mut text, bugs).unwrap();
            text.0
        };
        let mut bugs = Bugs::default();
        assert_eq!(text(&bugs), "\nno reports so far\n");
        let title = "BUG: DMASAN: unmap-underflow in stop+0x1/0x2 [net]";
        for report in dmasan_report::Log::parse([title, title]).reports {
            bugs.push(report);
        }
        assert_eq!(
            text(&bugs),
            "\n1. unmap-underflow in stop [net]: 2 reports, at lines 1, 2\n1 bug, 2 reports so far\n"
        );
    }
}
