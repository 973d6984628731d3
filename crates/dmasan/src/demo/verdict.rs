// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What a case's console says about the sanitizer. Pure functions of a parsed log.

use dmasan_report::{
    Ending, Expectation, Implementation, Log, Pfn, PfnRange, Report, Variant, Window,
};
use serde::Serialize;

use crate::catalog::{Case, Expect};

/// Whether there is a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Sound {
    /// At least one report, and the right one where it matters.
    Report,
    /// None.
    Silent,
}

impl From<Expect> for Sound {
    fn from(expect: Expect) -> Self {
        match expect {
            Expect::Report => Self::Report,
            Expect::Silent => Self::Silent,
        }
    }
}

/// Whether the reports of a bug name the pages at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Naming {
    /// No page is named at all.
    None,
    /// Some of them are.
    Part,
    /// All of them are.
    All,
}

/// How one case went on one page-table format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct FormatVerdict {
    /// The format's name.
    pub(crate) format: String,
    /// Whether what was to be reported was, or whether anything was reported at all.
    pub(crate) seen: Sound,
    /// How many reports there were, right and wrong ones.
    pub(crate) reports: usize,
    /// How many of them were wrong: at the wrong moment, or naming innocent pages.
    pub(crate) false_alarms: usize,
    /// Whether the pages at fault were named; absent where none were expected.
    pub(crate) named: Option<Naming>,
    /// How many bytes of the page's next owner the device wrote over, where there was a device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) overwritten: Option<u64>,
    /// Why the case does not count: it did not run, or not to its end.
    pub(crate) problem: Option<String>,
}

/// How one case went on all formats.
#[derive(Clone, Debug)]
pub(crate) struct CaseVerdict {
    pub(crate) case: &'static Case,
    pub(crate) variant: Variant,
    pub(crate) expected: Sound,
    pub(crate) formats: Vec<FormatVerdict>,
    /// Every report of the boot, in the order of the log.
    pub(crate) reports: Vec<Report>,
    /// Reports outside of every window, false alarms all of them.
    pub(crate) strays: usize,
}

impl CaseVerdict {
    /// `p01-bug`
    pub(crate) fn name(&self) -> String {
        format!("p{:02}-{}", self.case.number, self.variant)
    }

    /// Why the case does not count; `None` if it ran to its end on every format.
    pub(crate) fn problem(&self) -> Option<String> {
        let mut problems = self
            .formats
            .iter()
            .filter_map(|f| Some((f, f.problem.as_ref()?)));
        let (format, why) = problems.next()?;
        match problems.count() {
            0 => Some(format!("{}: {why}", format.format)),
            more => Some(format!("{}: {why} (and {more} more)", format.format)),
        }
    }

    /// Whether there was what is expected, or at least one format lacks it; for cases that expect
    /// silence, whether there was anything.
    pub(crate) fn seen(&self) -> Sound {
        let report = |format: &FormatVerdict| format.seen == Sound::Report;
        let seen = match self.expected {
            Sound::Report => self.formats.iter().all(report),
            Sound::Silent => self.formats.iter().any(report) || self.strays > 0,
        };
        if seen {
            Sound::Report
        } else {
            Sound::Silent
        }
    }

    /// Reports at the wrong moment or of innocent pages.
    pub(crate) fn false_alarms(&self) -> usize {
        self.strays
            + self
                .formats
                .iter()
                .map(|format| format.false_alarms)
                .sum::<usize>()
    }

    /// The worst naming of all formats.
    pub(crate) fn named(&self) -> Option<Naming> {
        self.formats.iter().filter_map(|format| format.named).min()
    }

    /// The bug was reported, on every format.
    pub(crate) fn caught(&self) -> bool {
        self.complete() && self.expected == Sound::Report && self.seen() == Sound::Report
    }

    /// The bug was not reported, on at least one format.
    pub(crate) fn missed(&self) -> bool {
        self.complete() && self.expected == Sound::Report && self.seen() == Sound::Silent
    }

    /// All was as expected, and nothing else was reported.
    pub(crate) fn ok(&self) -> bool {
        self.complete() && self.seen() == self.expected && self.false_alarms() == 0
    }

    pub(crate) fn complete(&self) -> bool {
        self.formats.iter().all(|format| format.problem.is_none())
    }
}

/// Judges the log of one boot, which ran one case on `formats`. `ended` says how the boot ended
/// if not as it should.
pub(crate) fn judge(
    case: &'static Case,
    variant: Variant,
    formats: &[&str],
    log: Log,
    ended: Option<&str>,
) -> CaseVerdict {
    let expected = match variant {
        Variant::Bug => case.bug.into(),
        Variant::Twin => case.twin.into(),
    };
    let judge_format = |format: &&str| {
        let mine = |window: &&Window| {
            (window.case, window.variant, window.format.as_str()) == (case.number, variant, *format)
        };
        match log.windows.iter().find(mine) {
            Some(window) => judge_window(expected, window, &log, ended),
            None => did_not_run(format, expected, ended),
        }
    };
    CaseVerdict {
        case,
        variant,
        expected,
        formats: formats.iter().map(judge_format).collect(),
        strays: log.reports_outside().count(),
        reports: log.reports,
    }
}

fn did_not_run(format: &str, expected: Sound, ended: Option<&str>) -> FormatVerdict {
    FormatVerdict {
        format: format.to_owned(),
        seen: Sound::Silent,
        reports: 0,
        false_alarms: 0,
        named: (expected == Sound::Report).then_some(Naming::None),
        overwritten: None,
        problem: Some(ended.map_or("did not run".to_owned(), |how| {
            format!("did not run, {how}")
        })),
    }
}

fn judge_window(expected: Sound, window: &Window, log: &Log, ended: Option<&str>) -> FormatVerdict {
    let phases = phases(window);
    let mut reports = 0;
    let mut false_alarms = 0;
    for report in log.reports_in(window) {
        reports += 1;
        let phase = phases.iter().find(|phase| phase.holds(report));
        false_alarms += usize::from(!phase.is_some_and(|phase| phase.agrees(report)));
    }
    let awaited: Vec<&Phase> = phases
        .iter()
        .filter(|phase| phase.pages.is_some())
        .collect();
    let heard = |phase: &&Phase| phase.right_reports(log).next().is_some();
    let seen = match expected {
        Sound::Report => awaited.iter().all(heard) && !awaited.is_empty(),
        Sound::Silent => reports > 0,
    };
    let problem = problem(window, ended)
        .or_else(|| misdeed(window))
        .or_else(|| {
            let announced = if awaited.is_empty() {
                Sound::Silent
            } else {
                Sound::Report
            };
            let differs = phases.is_empty() || announced != expected;
            differs.then(|| "announced something else than its catalog says".to_owned())
        });
    FormatVerdict {
        format: window.format.clone(),
        seen: if seen { Sound::Report } else { Sound::Silent },
        reports,
        false_alarms,
        named: awaited.iter().map(|phase| phase.naming(log)).min(),
        overwritten: window.overwritten,
        problem,
    }
}

/// Why a window does not count.
fn problem(window: &Window, ended: Option<&str>) -> Option<String> {
    match &window.ending {
        Ending::Complete(_) => None,
        Ending::Failed(_, why) => Some(format!("could not run: {why}")),
        Ending::Open => {
            Some(ended.map_or("broke off".to_owned(), |how| format!("broke off, {how}")))
        }
    }
}

/// Why a device's deeds do not fit its driver: a bug has to be one, and a twin right.
fn misdeed(window: &Window) -> Option<String> {
    match (window.variant, window.overwritten?) {
        (Variant::Bug, 0) => Some("the device did no harm, so this was no bug".to_owned()),
        (Variant::Twin, bytes @ 1..) => Some(format!("the device wrote over {bytes} bytes")),
        _ => None,
    }
}

/// The part of a window under one announcement.
struct Phase {
    first: u64,
    last: u64,
    /// The pages of which a report is due; none: silence is.
    pages: Option<PfnRange>,
}

/// An announcement holds up to the next one or the end of the window.
fn phases(window: &Window) -> Vec<Phase> {
    let next = window
        .expected
        .iter()
        .skip(1)
        .map(|expected| expected.line - 1);
    let lasts = next.chain([window.last]);
    window
        .expected
        .iter()
        .zip(lasts)
        .map(|(expected, last)| Phase {
            first: expected.line,
            last,
            pages: match expected.what {
                Expectation::Report(pages) => Some(pages),
                Expectation::Silent => None,
            },
        })
        .collect()
}

impl Phase {
    fn holds(&self, report: &Report) -> bool {
        (self.first..=self.last).contains(&report.line)
    }

    /// Whether the report is due here: it is about a stale mapping, and every page that it names
    /// is at fault. The kernel's own means name none, which has to do.
    fn agrees(&self, report: &Report) -> bool {
        let Some(due) = self.pages else { return false };
        let named = match report.implementation {
            Implementation::C | Implementation::DmaApi => true,
            Implementation::Rust => report.names_pages(),
        };
        let innocent = |range: Option<PfnRange>| !range.is_some_and(|range| due.contains(range));
        named
            && report.kind.is_mapping_bug()
            && !report.runs.iter().any(|run| innocent(run.range()))
    }

    fn right_reports<'a>(&'a self, log: &'a Log) -> impl Iterator<Item = &'a Report> {
        log.reports
            .iter()
            .filter(|report| self.holds(report) && self.agrees(report))
    }

    fn naming(&self, log: &Log) -> Naming {
        let Some(due) = self.pages else {
            return Naming::None;
        };
        let reports: Vec<&Report> = self.right_reports(log).collect();
        if !reports.iter().any(|report| report.names_pages()) {
            return Naming::None;
        }
        let named = reports
            .iter()
            .flat_map(|report| report.runs.iter().filter_map(|r| r.range()));
        let unlisted: u64 = reports
            .iter()
            .filter_map(|r| r.more)
            .map(|more| more.pages)
            .sum();
        if distinct_pages(named).saturating_add(unlisted) >= due.pages() {
            Naming::All
        } else {
            Naming::Part
        }
    }
}

/// How many pages there are in all ranges together.
fn distinct_pages(ranges: impl Iterator<Item = PfnRange>) -> u64 {
    let mut ranges: Vec<PfnRange> = ranges.collect();
    ranges.sort_by_key(|range| range.first());
    let mut pages = 0;
    let mut beyond: Option<Pfn> = None;
    for range in ranges {
        let first = beyond.map_or(range.first(), |last| {
            range.first().max(Pfn(last.0.saturating_add(1)))
        });
        if let Some(fresh) = PfnRange::new(first, range.last()) {
            pages += fresh.pages();
            beyond = Some(fresh.last());
        }
    }
    pages
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;
