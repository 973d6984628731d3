// SPDX-License-Identifier: Apache-2.0 OR MIT

//! A report of the Rust implementation while its lines come in.

use crate::frame;
use crate::parser::Step;
use crate::report::{Implementation, Kind, Report};
use crate::scan;

const TITLE: &str = "BUG: DMASAN: ";

/// Between a title line and its closing ruler.
#[derive(Debug)]
pub(crate) struct RustDraft {
    report: Report,
    trace: Trace,
}

#[derive(Debug, PartialEq, Eq)]
enum Trace {
    Before,
    Inside,
    After,
}

impl RustDraft {
    /// Begins a report if the line is a title: `BUG: DMASAN: KIND[ in FUNCTION]`.
    pub(crate) fn open(text: &str, line: u64) -> Option<Self> {
        let words = text.strip_prefix(TITLE)?;
        let (kind, function) = match words.split_once(" in ") {
            Some((kind, function)) => (kind, Some(demangled(function))),
            None => (words, None),
        };
        let report = Report {
            implementation: Implementation::Rust,
            kind: Kind::from_name(kind)?,
            title: text.to_owned(),
            function,
            page: None,
            runs: Vec::new(),
            more: None,
            total: None,
            frames: Vec::new(),
            text: vec![text.to_owned()],
            truncated: true,
            line,
        };
        Some(Self {
            report,
            trace: Trace::Before,
        })
    }

    /// Takes the next line of the same caller.
    pub(crate) fn step(&mut self, text: &str) -> Step {
        if is_ruler(text) {
            // A ruler right after the title would be the opening one of the next report.
            self.report.truncated = !self.report.names_pages() && self.report.total.is_none();
            return Step::Last;
        }
        let report = &mut self.report;
        report.text.push(text.to_owned());
        if let Some((label, rest)) = text.split_once(": ") {
            match label {
                "page" => report.page = report.page.or_else(|| scan::page(rest)),
                "mapped" | "unmapped" => report.runs.extend(scan::run(rest)),
                "more" => report.more = report.more.or_else(|| scan::more(rest)),
                "leak" | "underflow" | "overwritten" | "overflow" => {
                    report.total = report.total.or_else(|| scan::total(rest));
                    // An overflow may also name its pages right here.
                    report.runs.extend(scan::run(rest));
                }
                _ => {}
            }
        }
        if self.trace == Trace::Before && frame::opens_trace(text) {
            self.trace = Trace::Inside;
        } else if frame::is_owner_line(text) {
            self.trace = Trace::After;
        } else if self.trace == Trace::Inside {
            report.frames.extend(frame::parse(text));
        }
        Step::More
    }

    /// The report with what has been seen of it.
    pub(crate) fn close(self) -> Report {
        self.report
    }

    pub(crate) fn lines(&self) -> usize {
        self.report.text.len()
    }
}

/// The line of `=` before and after a report.
fn is_ruler(text: &str) -> bool {
    text.len() >= 16 && text.bytes().all(|b| b == b'=')
}

/// `function[+0xoff/0xlen][ [module]]` with a readable function.
fn demangled(function: &str) -> String {
    frame::parse(function).unwrap_or_else(|| {
        let (name, rest) = function.split_at(function.find(['+', ' ']).unwrap_or(function.len()));
        format!("{:#}{rest}", rustc_demangle::demangle(name))
    })
}
