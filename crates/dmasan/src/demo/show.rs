// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The demo's result for people.

use dmasan_report::{Bugs, Report, Variant};

use super::summary::Summary;
use super::verdict::{CaseVerdict, Naming, Sound};
use crate::catalog::EDU;
use crate::report::{entry, GuestSymbols};
use crate::setup::{print, print_styled};
use crate::table::{cell, table, Mood};

/// How many reasons of cases that did not run are told.
const PROBLEMS_TOLD: usize = 4;

/// Prints the table, an example and the totals.
pub(crate) fn show(
    verdicts: &[CaseVerdict],
    summary: &Summary,
    symbols: &mut GuestSymbols,
) -> anyhow::Result<()> {
    print(&rows(verdicts))?;
    print_problems(verdicts)?;
    if let Some((verdict, report)) = example(verdicts) {
        print(&format!(
            "\nA report in full ({}: {}):\n",
            verdict.name(),
            verdict.case.title
        ))?;
        let mut report = report.clone();
        symbols.resolve(&mut report);
        let mut bugs = Bugs::default();
        bugs.push(report);
        for bug in bugs.as_slice() {
            print_styled(&entry(1, bug))?;
        }
    }
    if let Some(deeds) = deeds(verdicts) {
        print(&format!("\n{deeds}"))?;
    }
    let formats = verdicts
        .iter()
        .map(|verdict| verdict.formats.len())
        .max()
        .unwrap_or(0);
    if formats > 1 {
        let places = if has_device(verdicts) {
            "page-table formats, some also on a device"
        } else {
            "page-table formats"
        };
        let tables = formats - usize::from(has_device(verdicts));
        print(&format!(
            "\nEvery case ran on {tables} {places}: one report on each makes {formats}."
        ))?;
    }
    print(&format!("\n{}", totals(summary)))
}

/// Why cases did not run; a few times, as the reason is mostly the same.
fn print_problems(verdicts: &[CaseVerdict]) -> anyhow::Result<()> {
    let problems: Vec<String> = verdicts
        .iter()
        .filter_map(|verdict| Some(format!("{} {}", verdict.name(), verdict.problem()?)))
        .collect();
    if problems.is_empty() {
        return Ok(());
    }
    print("\nDid not run:")?;
    for problem in problems.iter().take(PROBLEMS_TOLD) {
        print(&format!("  {problem}"))?;
    }
    match problems.len().saturating_sub(PROBLEMS_TOLD) {
        0 => Ok(()),
        more => print(&format!("  … and {more} more")),
    }
}

fn has_device(verdicts: &[CaseVerdict]) -> bool {
    let mut formats = verdicts.iter().flat_map(|verdict| &verdict.formats);
    formats.any(|format| format.format == EDU)
}

/// What a device did to pages that were somebody else's by then.
fn deeds(verdicts: &[CaseVerdict]) -> Option<String> {
    let harmed = |variant: Variant| {
        verdicts
            .iter()
            .filter(move |verdict| verdict.variant == variant)
            .flat_map(|verdict| verdict.formats.iter().map(move |format| (verdict, format)))
            .filter_map(|(verdict, format)| Some((verdict, format.overwritten?)))
    };
    let bugs: Vec<String> = harmed(Variant::Bug)
        .map(|(verdict, bytes)| format!("{bytes} bytes in {}", verdict.name()))
        .collect();
    let twins: u64 = harmed(Variant::Twin).map(|(_, bytes)| bytes).sum();
    if bugs.is_empty() {
        return None;
    }
    Some(format!(
        "After the report, the device wrote over what the page's next owner kept there: {}; for the twins, {twins}.",
        bugs.join(", ")
    ))
}

/// `14 caught, 0 missed, …`
fn totals(summary: &Summary) -> String {
    let mut text = format!(
        "{} caught, {} missed, {} with false alarms, {} rightly silent",
        summary.caught, summary.missed, summary.false_alarms, summary.silent_ok
    );
    if summary.incomplete > 0 {
        text.push_str(&format!(", {} did not run to the end", summary.incomplete));
    }
    text
}

fn rows(verdicts: &[CaseVerdict]) -> String {
    let mut table = table(&[
        "case",
        "driver",
        "expected",
        "seen",
        "reports",
        "names pages",
        "verdict",
    ]);
    for verdict in verdicts {
        let driver = match verdict.variant {
            Variant::Bug => verdict.case.title,
            Variant::Twin => "  done right",
        };
        let (word, mood) = judgement(verdict);
        table.add_row([
            cell(verdict.name(), Mood::Plain),
            cell(driver, Mood::Plain),
            cell(sound(verdict.expected), Mood::Plain),
            cell(
                if verdict.complete() {
                    sound(verdict.seen())
                } else {
                    "-"
                },
                Mood::Plain,
            ),
            cell(verdict.reports.len(), Mood::Plain),
            cell(naming(verdict), Mood::Plain),
            cell(word, mood),
        ]);
    }
    table.trim_fmt()
}

fn sound(sound: Sound) -> &'static str {
    match sound {
        Sound::Report => "report",
        Sound::Silent => "silent",
    }
}

fn naming(verdict: &CaseVerdict) -> &'static str {
    match verdict.named() {
        _ if verdict.missed() || !verdict.complete() => "-",
        None => "",
        Some(Naming::None) => "no",
        Some(Naming::Part) => "partly",
        Some(Naming::All) => "yes",
    }
}

/// The last column.
fn judgement(verdict: &CaseVerdict) -> (String, Mood) {
    if !verdict.complete() {
        return ("DID NOT RUN".to_owned(), Mood::Bad);
    }
    let mut words = Vec::new();
    if verdict.caught() {
        words.push("caught".to_owned());
    }
    if verdict.missed() {
        words.push("MISSED".to_owned());
    }
    match verdict.false_alarms() {
        0 => {}
        1 => words.push("FALSE ALARM".to_owned()),
        n => words.push(format!("{n} FALSE ALARMS")),
    }
    if words.is_empty() {
        words.push("ok".to_owned());
    }
    (
        words.join(", "),
        if verdict.ok() { Mood::Good } else { Mood::Bad },
    )
}

/// The first report of the first bug that was caught; one that names pages if there is one.
fn example(verdicts: &[CaseVerdict]) -> Option<(&CaseVerdict, &Report)> {
    let caught = || {
        verdicts
            .iter()
            .filter(|verdict| verdict.caught() && verdict.ok())
    };
    let first =
        |verdict: &'_ CaseVerdict| verdict.reports.iter().position(|report| !report.truncated);
    let mut examples =
        caught().filter_map(|verdict| Some((verdict, &verdict.reports[first(verdict)?])));
    examples.next()
}
