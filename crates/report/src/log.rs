// SPDX-License-Identifier: Apache-2.0 OR MIT

//! A whole log: its reports and the zoo's windows.

use crate::parser::Parser;
use crate::report::Report;
use crate::window::{Window, Windows};

/// All reports of a log, in its order, and all windows of zoo cases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// The reports, by their first lines.
    pub reports: Vec<Report>,
    /// The windows, by their first lines.
    pub windows: Vec<Window>,
}

impl Log {
    /// Parses a log that is there as a whole.
    pub fn parse<I>(lines: I) -> Self
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let mut parser = Parser::new();
        let mut windows = Windows::default();
        let mut reports = Vec::new();
        for line in lines {
            reports.extend(parser.push(line.as_ref()));
            windows.push(line.as_ref());
        }
        reports.extend(parser.finish());
        reports.sort_by_key(|report| report.line);
        Self {
            reports,
            windows: windows.finish(),
        }
    }

    /// The reports that begin within a window.
    pub fn reports_in<'a>(&'a self, window: &'a Window) -> impl Iterator<Item = &'a Report> {
        self.reports
            .iter()
            .filter(|report| window.holds(report.line))
    }

    /// The reports that begin outside of every window.
    pub fn reports_outside(&self) -> impl Iterator<Item = &Report> {
        let inside = |report: &&Report| self.windows.iter().any(|w| w.holds(report.line));
        self.reports.iter().filter(move |report| !inside(report))
    }
}
