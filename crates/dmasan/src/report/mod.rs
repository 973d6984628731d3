// SPDX-License-Identifier: Apache-2.0 OR MIT

//! `dmasan report`: the reports in a kernel log, for people and programs; also the form in which
//! other sub-commands print reports.

mod findings;
mod guest;
mod html;
mod input;
mod ktap;
mod sources;
mod stacks;
mod symbols;
mod text;
mod told;

use std::fs;

use anyhow::Context;
use dmasan_report::{Bugs, Parser};

use crate::cli::ReportArgs;
use crate::exit::Exit;
use crate::setup;

use findings::Findings;
use input::Input;
use symbols::Symbols;

pub(crate) use findings::{headline, occurrences, tally};
pub(crate) use guest::GuestSymbols;
pub(crate) use text::{again, entry, hints};
pub(crate) use told::{ToldBug, ToldReport};

pub(crate) fn run(args: &ReportArgs) -> anyhow::Result<Exit> {
    // What is wrong with these is told before a long log is read.
    let mut symbols = Symbols::open(
        args.vmlinux.as_deref(),
        args.modules.as_deref(),
        args.source.as_deref(),
    )?;
    let mut findings = read(Input::open(&args.log)?)?;
    for bug in &mut findings.bugs {
        symbols.resolve(&mut bug.report);
    }
    findings.hint(args.vmlinux.is_some(), args.modules.is_some());
    findings.hints.extend(symbols.hints());
    if args.json {
        setup::print_json(&findings)?;
    } else if args.ktap {
        setup::print(&ktap::page(&findings))?;
    } else if let Some(path) = &args.html {
        fs::write(path, html::page(&findings).into_string())
            .with_context(|| format!("cannot write {}", path.display()))?;
        setup::print(&format!("{}: {}", path.display(), findings.summary()))?;
    } else {
        text::print(&findings)?;
    }
    Ok(if findings.bugs.is_empty() {
        Exit::Good
    } else {
        Exit::Found
    })
}

/// Reads a log to its end; what is kept of it depends on how many bugs it has.
fn read(mut input: Input) -> anyhow::Result<Findings> {
    let mut parser = Parser::new();
    let mut bugs = Bugs::default();
    let mut lost = 0_u64;
    while let Some(line) = input.next_line()? {
        let line = String::from_utf8_lossy(line);
        if let Some(report) = parser.push(&line) {
            bugs.push(report);
        }
        lost = lost.saturating_add(findings::lost_messages(&line));
    }
    let lines = parser.lines();
    let rest = parser.finish();
    let cut_off = rest.iter().any(|report| report.truncated);
    for report in rest {
        bugs.push(report);
    }
    Ok(Findings {
        log: input.name().to_owned(),
        lines,
        bytes: input.bytes,
        cut_off,
        lost_messages: lost,
        reports: bugs.reports(),
        untold_reports: bugs.untold(),
        bugs: bugs.into_vec(),
        hints: Vec::new(),
    })
}

#[cfg(test)]
mod tests;
