// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Reports of the same bug, counted as one.

use std::collections::HashMap;

use serde::Serialize;

use crate::culprit::Culprit;
use crate::kind::Kind;
use crate::report::{Implementation, Report};

/// Bugs that are told apart; what comes after them is only counted.
const MOST_BUGS: usize = 4096;
/// Lines that a bug remembers.
const MOST_LINES: usize = 100;

/// Reports that say the same: of one kind, in one function, by one driver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bug {
    /// How many reports there are of it.
    pub count: u64,
    /// Where they begin in the log, from 1; the first hundred.
    pub lines: Vec<u64>,
    /// The function that it is put down to.
    pub culprit: Option<Culprit>,
    /// The driver of the device, or the module that the function is in.
    pub driver: Option<String>,
    /// The first report, or the first one that is complete.
    pub report: Report,
}

/// What makes two reports the same bug.
type Key = (Implementation, Kind, Option<Culprit>, Option<String>);

/// Collects reports; its size depends on how many bugs there are, not on how many reports.
#[derive(Debug, Default)]
pub struct Bugs {
    bugs: Vec<Bug>,
    known: HashMap<Key, usize>,
    reports: u64,
    untold: u64,
}

impl Bugs {
    /// Takes one more report; returns the place of its bug among those that are told apart.
    pub fn push(&mut self, report: Report) -> Option<usize> {
        self.reports += 1;
        let culprit = report.culprit();
        let module = culprit.as_ref().and_then(|culprit| culprit.module.clone());
        let driver = report.driver.clone().or(module);
        let key = (report.implementation, report.kind, culprit, driver);
        if let Some(at) = self.known.get(&key) {
            self.bugs[*at].take(report);
            Some(*at)
        } else if self.bugs.len() < MOST_BUGS {
            let at = self.bugs.len();
            self.known.insert(key.clone(), at);
            let (_, _, culprit, driver) = key;
            self.bugs.push(Bug {
                count: 1,
                lines: vec![report.line],
                culprit,
                driver,
                report,
            });
            Some(at)
        } else {
            self.untold += 1;
            None
        }
    }

    /// The bugs that are told apart, in the order in which they came up.
    #[must_use]
    pub fn as_slice(&self) -> &[Bug] {
        &self.bugs
    }

    /// How many reports there were.
    #[must_use]
    pub fn reports(&self) -> u64 {
        self.reports
    }

    /// How many reports were of bugs beyond the 4096 that are told apart.
    #[must_use]
    pub fn untold(&self) -> u64 {
        self.untold
    }

    /// The bugs, in the order of their first reports.
    #[must_use]
    pub fn into_vec(self) -> Vec<Bug> {
        let mut bugs = self.bugs;
        bugs.sort_by_key(|bug| bug.lines.first().copied());
        bugs
    }
}

impl Bug {
    fn take(&mut self, report: Report) {
        self.count += 1;
        // Reports come in the order of their ends.
        let at = self.lines.partition_point(|line| *line < report.line);
        self.lines.insert(at, report.line);
        self.lines.truncate(MOST_LINES);
        let (known, new) = (&self.report, &report);
        if (new.truncated, new.line) < (known.truncated, known.line) {
            self.report = report;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Log;

    fn bugs(lines: &[&str]) -> Vec<Bug> {
        let mut bugs = Bugs::default();
        for report in Log::parse(lines).reports {
            let at = bugs.push(report);
            assert!(at.is_some_and(|at| at < bugs.as_slice().len()));
        }
        bugs.into_vec()
    }

    #[test]
    fn one_function_is_one_bug_wherever_in_it() {
        let end = "====================";
        let found = bugs(&[
            "BUG: DMASAN: freed-while-mapped in f+0x1/0x9 [a]",
            "BUG: DMASAN: freed-while-mapped in f+0x5/0x9 [a]",
            "mapped: pfn 0x10, 1 page",
            end,
            "BUG: DMASAN: freed-while-mapped in f+0x5/0x9 [b]",
            "BUG: DMASAN: unmap-underflow in f+0x5/0x9 [a]",
        ]);
        let facts: Vec<_> = found
            .iter()
            .map(|bug| (bug.lines.as_slice(), bug.report.line))
            .collect();
        // The second report stands for the first bug: it is complete.
        assert_eq!(facts, [(&[1, 2][..], 2), (&[5], 5), (&[6], 6)]);
        assert_eq!(found[0].driver.as_deref(), Some("a"));
    }

    #[test]
    fn the_number_of_bugs_is_bounded() {
        let mut bugs = Bugs::default();
        for number in 0..5000 {
            let title = format!("BUG: DMASAN: unmap-underflow in f{number}");
            Log::parse([title])
                .reports
                .into_iter()
                .for_each(|report| assert_eq!(bugs.push(report).is_some(), number < 4096));
        }
        assert_eq!((bugs.reports(), bugs.untold()), (5000, 904));
        assert_eq!(bugs.into_vec().len(), 4096);
    }
}
