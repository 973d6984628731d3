// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The demo's result for programs.

use dmasan_lab::{Implementation, Kernel, MachineKind, SourceInfo};
use serde::Serialize;

use super::verdict::{CaseVerdict, FormatVerdict, Naming, Sound};
use crate::report::ToldReport;

/// The C implementation prints hundreds of reports for one bug; beyond this many of one case
/// only their number is kept.
pub(super) const REPORTS_KEPT: usize = 16;

/// The JSON object of `dmasan demo --json`. Fields may be added.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    #[serde(flatten)]
    about: About,
    cases: Vec<CaseSummary>,
    /// Cases whose bug was reported.
    pub(crate) caught: usize,
    /// Cases whose bug was not.
    pub(crate) missed: usize,
    /// Cases with at least one wrong report, be the bug caught or not.
    pub(crate) false_alarms: usize,
    /// Cases that expect silence and have it.
    pub(crate) silent_ok: usize,
    /// Cases that could not run to their end.
    pub(crate) incomplete: usize,
    /// Whether all cases are as expected.
    pub(crate) ok: bool,
}

/// What the cases ran on.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct About {
    machine: MachineKind,
    #[serde(rename = "impl")]
    implementation: Implementation,
    /// The kernel's release.
    kernel: String,
    source: SourceInfo,
}

impl From<&Kernel> for About {
    fn from(kernel: &Kernel) -> Self {
        Self {
            machine: kernel.machine,
            implementation: kernel.implementation,
            kernel: kernel.release.clone(),
            source: kernel.source.clone(),
        }
    }
}

#[derive(Debug, Serialize)]
struct CaseSummary {
    /// `p01-bug`
    name: String,
    /// `P1`
    pattern: String,
    title: &'static str,
    /// Where the pattern was seen: public commits and CVE numbers.
    seen_in: &'static str,
    expected: Sound,
    seen: Sound,
    ok: bool,
    /// Whether the reports name the pages at fault; absent where none are due.
    named: Option<Naming>,
    /// Wrong reports.
    false_alarms: usize,
    /// Why the case does not count.
    problem: Option<String>,
    formats: Vec<FormatVerdict>,
    /// How many reports there were in all.
    report_count: usize,
    /// The first of them.
    reports: Vec<ToldReport>,
}

impl Summary {
    pub(crate) fn new(about: About, verdicts: &[CaseVerdict]) -> Self {
        let count = |what: fn(&CaseVerdict) -> bool| verdicts.iter().filter(|v| what(v)).count();
        Self {
            about,
            cases: verdicts.iter().map(CaseSummary::from).collect(),
            caught: count(CaseVerdict::caught),
            missed: count(CaseVerdict::missed),
            false_alarms: count(|verdict| verdict.false_alarms() > 0),
            silent_ok: count(|verdict| verdict.expected == Sound::Silent && verdict.ok()),
            incomplete: count(|verdict| !verdict.complete()),
            ok: verdicts.iter().all(CaseVerdict::ok),
        }
    }
}

impl From<&CaseVerdict> for CaseSummary {
    fn from(verdict: &CaseVerdict) -> Self {
        Self {
            name: verdict.name(),
            pattern: format!("P{}", verdict.case.number),
            title: verdict.case.title,
            seen_in: verdict.case.source,
            expected: verdict.expected,
            seen: verdict.seen(),
            ok: verdict.ok(),
            named: verdict.named(),
            false_alarms: verdict.false_alarms(),
            problem: verdict.problem(),
            formats: verdict.formats.clone(),
            report_count: verdict.reports.len(),
            reports: {
                let kept = verdict.reports.iter().take(REPORTS_KEPT);
                kept.cloned().map(ToldReport::from).collect()
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use dmasan_report::{Log, Variant};

    use super::*;
    use crate::catalog::{Case, Expect};
    use crate::demo::verdict::judge;

    const CASE: Case = Case {
        number: 1,
        title: "a driver",
        bug: Expect::Report,
        twin: Expect::Silent,
        source: "a commit",
    };

    fn summary(verdicts: &[CaseVerdict]) -> Summary {
        let about = About {
            machine: MachineKind::Uml,
            implementation: Implementation::Rust,
            kernel: "7.3.4".to_owned(),
            source: SourceInfo::Tree {
                path: PathBuf::from("/linux"),
            },
        };
        Summary::new(about, verdicts)
    }

    fn verdict(variant: Variant, lines: &[&str]) -> CaseVerdict {
        judge(&CASE, variant, &["amdv1"], Log::parse(lines), None)
    }

    fn caught() -> CaseVerdict {
        verdict(
            Variant::Bug,
            &[
                "zoo: p01 bug amdv1: begin",
                "zoo: p01 bug amdv1: expect report pfn 0x10",
                "BUG: DMASAN: freed-while-mapped",
                "mapped: pfn 0x10-0x10, 1 page, 1 translation",
                "==================================================================",
                "zoo: p01 bug amdv1: end",
            ],
        )
    }

    fn silent() -> CaseVerdict {
        let lines = ["begin", "expect silent", "end"].map(|e| format!("zoo: p01 twin amdv1: {e}"));
        judge(&CASE, Variant::Twin, &["amdv1"], Log::parse(lines), None)
    }

    #[test]
    fn the_json_form_is_stable() {
        let summary = summary(&[caught(), silent()]);
        insta::assert_snapshot!(serde_json::to_string_pretty(&summary).unwrap());
    }

    #[test]
    fn every_case_is_counted_where_it_belongs() {
        let counts = |s: Summary| {
            (
                s.caught,
                s.missed,
                s.false_alarms,
                s.silent_ok,
                s.incomplete,
                s.ok,
            )
        };
        assert_eq!(
            counts(summary(&[caught(), silent()])),
            (1, 0, 0, 1, 0, true)
        );
        let missed = verdict(
            Variant::Bug,
            &[
                "zoo: p01 bug amdv1: begin",
                "zoo: p01 bug amdv1: expect report pfn 0x10",
                "zoo: p01 bug amdv1: end",
            ],
        );
        assert_eq!(counts(summary(&[missed])), (0, 1, 0, 0, 0, false));
        assert_eq!(
            counts(summary(&[verdict(Variant::Twin, &[])])),
            (0, 0, 0, 0, 1, false)
        );
        let stray = verdict(
            Variant::Twin,
            &[
                "zoo: p01 twin amdv1: begin",
                "zoo: p01 twin amdv1: expect silent",
                "zoo: p01 twin amdv1: end",
                "BUG: DMASAN: unmap-underflow",
            ],
        );
        assert_eq!(counts(summary(&[stray])), (0, 0, 1, 0, 0, false));
    }
}
