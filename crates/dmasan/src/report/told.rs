// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Bugs and reports for programs, with what is known beyond the log.

use dmasan_report::{Bug, Culprit, Implementation, Kind, Report};
use serde::Serialize;

/// A report and what it means.
#[derive(Debug, Serialize)]
pub(crate) struct ToldReport {
    #[serde(flatten)]
    report: Report,
    culprit: Option<Culprit>,
    meaning: &'static str,
    remedy: &'static str,
}

impl From<Report> for ToldReport {
    fn from(report: Report) -> Self {
        Self {
            culprit: report.culprit(),
            meaning: report.kind.meaning(),
            remedy: report.kind.remedy(),
            report,
        }
    }
}

/// A bug and what it means.
#[derive(Debug, Serialize)]
pub(crate) struct ToldBug<'a> {
    kind: Kind,
    implementation: Implementation,
    culprit: Option<&'a Culprit>,
    driver: Option<&'a str>,
    count: u64,
    lines: &'a [u64],
    meaning: &'static str,
    remedy: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<&'a Report>,
}

impl<'a> ToldBug<'a> {
    /// A bug with the report that stands for it.
    pub(super) fn in_full(bug: &'a Bug) -> Self {
        Self {
            report: Some(&bug.report),
            ..Self::in_short(bug)
        }
    }

    /// A bug whose reports are elsewhere.
    pub(crate) fn in_short(bug: &'a Bug) -> Self {
        let kind = bug.report.kind;
        Self {
            kind,
            implementation: bug.report.implementation,
            culprit: bug.culprit.as_ref(),
            driver: bug.driver.as_deref(),
            count: bug.count,
            lines: &bug.lines,
            meaning: kind.meaning(),
            remedy: kind.remedy(),
            report: None,
        }
    }
}
