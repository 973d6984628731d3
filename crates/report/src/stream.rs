// SPDX-License-Identifier: Apache-2.0 OR MIT

//! A log for somebody who watches it grow: reports in place of the lines that they are made of.

use std::collections::BTreeMap;

use crate::draft::leads_up;
use crate::line::message;
use crate::parser::{Heard, Parser, LONGEST};
use crate::report::Report;

/// What is to be shown of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A line as it came.
    Line(String),
    /// A report, as soon as it is complete or known to stay incomplete.
    Report(Box<Report>),
}

/// Takes a log apart into reports and the lines that are of none.
///
/// Lines of a report are held back until it is complete, and are dropped then: the report is
/// shown in their place. Where it turns out to be incomplete, they are shown as well. All other
/// lines are passed on at once. As of [`Parser`], the memory that it takes is bounded.
#[derive(Debug, Default)]
pub struct Stream {
    parser: Parser,
    /// Lines held back, by the first line of their report.
    held: BTreeMap<u64, Vec<String>>,
    /// The last line, if it looks like those that come before a report.
    lead: Option<String>,
}

impl Stream {
    /// A stream before the first line.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next line, without its newline; hands over what is to be shown now.
    pub fn push(&mut self, line: &str, show: &mut dyn FnMut(Piece)) {
        let Heard { done, part_of } = self.parser.hear(line);
        if let Some(report) = done {
            let is_last = part_of == Some(report.line);
            if is_last {
                self.hold(report.line, line);
            }
            self.close(report, show);
            if is_last {
                self.show_lead(show);
                return;
            }
        }
        let opens = part_of == Some(self.parser.lines());
        let lead = self.lead.take();
        match part_of {
            Some(first) if opens => lead.iter().for_each(|lead| self.hold(first, lead)),
            _ => lead.into_iter().for_each(|lead| show(Piece::Line(lead))),
        }
        match part_of {
            Some(first) if line.len() <= LONGEST => self.hold(first, line),
            None if line.len() <= LONGEST && leads_up(message(line)) => {
                self.lead = Some(line.to_owned());
            }
            _ => show(Piece::Line(line.to_owned())),
        }
    }

    /// Hands over all lines that are held back, as the log has not gone on for a while: it may have
    /// ended in the middle of a report, or after one that has no end mark.
    pub fn idle(&mut self, show: &mut dyn FnMut(Piece)) {
        let held = self.held.values_mut().flat_map(std::mem::take);
        held.for_each(|line| show(Piece::Line(line)));
        self.show_lead(show);
    }

    /// Ends the log; hands over what is left.
    pub fn finish(mut self, show: &mut dyn FnMut(Piece)) {
        let parser = std::mem::take(&mut self.parser);
        for report in parser.finish() {
            self.close(report, show);
        }
        self.idle(show);
    }

    fn hold(&mut self, first: u64, line: &str) {
        self.held.entry(first).or_default().push(line.to_owned());
    }

    /// A report of which there is no further line.
    fn close(&mut self, report: Report, show: &mut dyn FnMut(Piece)) {
        let lines = self.held.remove(&report.line).unwrap_or_default();
        if report.truncated {
            lines.into_iter().for_each(|line| show(Piece::Line(line)));
        }
        show(Piece::Report(Box::new(report)));
    }

    fn show_lead(&mut self, show: &mut dyn FnMut(Piece)) {
        if let Some(lead) = self.lead.take() {
            show(Piece::Line(lead));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULER: &str = "====================";
    const TITLE: &str = "BUG: DMASAN: freed-while-mapped";
    const RUN: &str = "mapped: pfn 0x10-0x10, 1 page, 1 translation";

    /// What is shown after each line: the lines, and `!` for a report.
    fn shown(lines: &[&str]) -> Vec<Vec<String>> {
        let mut stream = Stream::new();
        let mut all = Vec::new();
        for line in lines {
            let mut now = Vec::new();
            let mut show = |piece| now.push(word(piece));
            match *line {
                "idle" => stream.idle(&mut show),
                line => stream.push(line, &mut show),
            }
            all.push(now);
        }
        let mut rest = Vec::new();
        stream.finish(&mut |piece| rest.push(word(piece)));
        all.push(rest);
        all
    }

    fn word(piece: Piece) -> String {
        match piece {
            Piece::Line(line) => line,
            Piece::Report(report) if report.truncated => "cut".to_owned(),
            Piece::Report(_) => "!".to_owned(),
        }
    }

    #[test]
    fn a_report_stands_for_its_lines() {
        assert_eq!(
            shown(&["a", RULER, TITLE, RUN, RULER, "b"]),
            [&["a"][..], &[], &[], &[], &["!"], &["b"], &[]]
        );
    }

    #[test]
    fn what_only_looks_like_the_beginning_of_a_report_is_shown() {
        assert_eq!(
            shown(&[RULER, "a", RULER, RULER]),
            [&[][..], &[RULER, "a"], &[], &[RULER], &[RULER]]
        );
    }

    #[test]
    fn nothing_of_an_incomplete_report_is_lost() {
        assert_eq!(
            shown(&[RULER, TITLE, "Call Trace:", TITLE, RUN]),
            [
                &[][..],
                &[],
                &[],
                &[RULER, TITLE, "Call Trace:", "cut"],
                &[],
                &[TITLE, RUN, "cut"]
            ]
        );
        assert_eq!(shown(&[TITLE, RULER])[1], [TITLE, RULER, "cut"]);
    }

    #[test]
    fn where_the_log_does_not_go_on_its_lines_are_shown() {
        assert_eq!(
            shown(&[RULER, TITLE, "idle", RUN, "idle", RULER]),
            [&[][..], &[], &[RULER, TITLE], &[], &[RUN], &["!"], &[]]
        );
    }

    #[test]
    fn others_are_not_kept_waiting() {
        let [title, run, ruler] = [TITLE, RUN, RULER].map(|line| format!("[    0.1][  T1] {line}"));
        assert_eq!(
            shown(&[&title, "[    0.1][  T2] a", &run, "b", &ruler]),
            [&[][..], &["[    0.1][  T2] a"], &[], &["b"], &["!"], &[]]
        );
    }

    #[test]
    fn a_line_that_is_too_long_to_be_kept_is_shown() {
        let long = "x".repeat(LONGEST + 1);
        assert_eq!(shown(&[TITLE, &long])[1], [long]);
    }
}
