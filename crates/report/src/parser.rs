// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The incremental parser: console lines in, reports out.

use crate::draft::{Draft, Step};
use crate::line::{self, Caller, Line};
use crate::report::Report;

/// Callers that can be in the middle of a report at the same time.
const MAX_OPEN: usize = 64;

/// Finds reports in a kernel log that is given to it line by line.
///
/// Any text is accepted and nothing makes it panic. Where lines carry caller ids, reports that
/// two CPUs print at the same time are kept apart; where they do not, foreign lines within a
/// report stay in its text and do no harm.
#[derive(Debug, Default)]
pub struct Parser {
    lines: u64,
    open: Vec<(Option<Caller>, Draft)>,
}

impl Parser {
    /// A parser before the first line.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many lines have been taken: the number of the last one, from 1.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Takes the next line, with or without its newline; returns the report that it completes.
    ///
    /// A report of the C implementation has no end mark and is complete only with the line
    /// after it; [`Report::line`] tells where it began.
    pub fn push(&mut self, line: &str) -> Option<Report> {
        self.lines += 1;
        if self.open.is_empty() && !Draft::may_open(line) {
            return None;
        }
        let line = line::without_escapes(line);
        let Line { caller, text } = Line::new(&line);
        let next = Draft::open(text, self.lines);

        let mut done = None;
        if let Some(at) = self.open.iter().position(|(who, _)| *who == caller) {
            let step = if next.is_some() && !self.open[at].1.continues_with(text) {
                Step::NotOurs
            } else {
                self.open[at].1.step(text)
            };
            match step {
                Step::More => return None,
                Step::Last => return Some(self.open.remove(at).1.close()),
                Step::NotOurs => done = Some(self.open.remove(at).1.close()),
            }
        }
        if let Some(draft) = next {
            if self.open.len() >= MAX_OPEN {
                done = Some(self.open.remove(0).1.close());
            }
            self.open.push((caller, draft));
        }
        done
    }

    /// Ends the log; returns the reports that were still open, the earliest first.
    #[must_use]
    pub fn finish(self) -> Vec<Report> {
        let mut rest: Vec<Report> = self
            .open
            .into_iter()
            .map(|(_, draft)| draft.close())
            .collect();
        rest.sort_by_key(|report| report.line);
        rest
    }
}
