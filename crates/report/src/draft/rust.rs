// SPDX-License-Identifier: Apache-2.0 OR MIT

//! A report of the Rust implementation: from a title line to a ruler.

use super::body::Body;
use super::Step;
use crate::frame::Frame;
use crate::kind::Kind;
use crate::report::{Implementation, Report};
use crate::scan;

const TITLE: &str = "BUG: DMASAN: ";

/// Between a title line and its closing ruler.
#[derive(Debug)]
pub(crate) struct RustDraft {
    pub(super) body: Body,
}

impl RustDraft {
    /// Begins a report if the line is a title: `BUG: DMASAN: KIND[ in FUNCTION]`.
    pub(super) fn open(text: &str, line: u64) -> Option<Self> {
        let words = text.strip_prefix(TITLE)?;
        let (kind, function) = match words.split_once(" in ") {
            Some((kind, function)) => (kind, Some(demangled(function))),
            None => (words, None),
        };
        let kind = Kind::from_name(kind)?;
        let mut body = Body::new(Implementation::Rust, kind, text, line);
        body.report.function = function;
        Some(Self { body })
    }

    pub(super) fn step(&mut self, text: &str) -> Step {
        let report = &mut self.body.report;
        if is_ruler(text) {
            // A ruler right after the title would be the opening one of the next report.
            report.truncated = !report.names_pages() && report.total.is_none();
            return Step::Last;
        }
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
        self.body.take(text);
        Step::More
    }

    pub(super) fn close(self) -> Report {
        self.body.close()
    }
}

/// The line of `=` before and after a report.
fn is_ruler(text: &str) -> bool {
    text.len() >= 16 && text.bytes().all(|b| b == b'=')
}

/// `function[+0xoff/0xlen][ [module]]` with a readable function.
fn demangled(function: &str) -> String {
    if let Some(frame) = Frame::parse(function) {
        return frame.to_string();
    }
    let (name, rest) = function.split_at(function.find(['+', ' ']).unwrap_or(function.len()));
    format!("{:#}{rest}", rustc_demangle::demangle(name))
}
