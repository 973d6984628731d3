// SPDX-License-Identifier: Apache-2.0 OR MIT

//! A report of the Rust implementation: from a title line to a ruler.

use super::body::{Body, Open};
use super::Step;
use crate::frame::{self, Frame, Look};
use crate::kind::Kind;
use crate::mapping::Mapping;
use crate::owner::OwnerLine;
use crate::report::{Implementation, Report};
use crate::scan;
use crate::stack::Stack;

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
            report.truncated = !report.names_pages()
                && report.total.is_none()
                && report.kind != Kind::OversizedUnmap;
            return Step::Last;
        }
        if let Some((label, rest)) = text.split_once(": ") {
            self.fact(label, rest);
        }
        self.body.take(text);
        Step::More
    }

    /// `LABEL: REST`
    fn fact(&mut self, label: &str, rest: &str) {
        let report = &mut self.body.report;
        match label {
            "page" => report.page = report.page.or_else(|| scan::page(rest)),
            "mapped" | "unmapped" => report.runs.extend(scan::run(rest)),
            "more" => report.more = report.more.or_else(|| scan::more(rest)),
            "mapping" => {
                report.mappings.push(scan::mapping(rest));
                self.body.open = Open::Nothing;
            }
            "mapped by" => {
                if report.mappings.is_empty() {
                    report.mappings.push(Mapping::default());
                }
                if let Some(mapping) = report.mappings.last_mut() {
                    mapping.mapped.by = scan::who(rest);
                }
                self.body.open = Open::Mapping;
            }
            "unmapped by" if report.unmapped.is_none() => {
                let by = scan::who(rest);
                let frames = Vec::new();
                report.unmapped = Some(Stack { by, frames });
                self.body.open = Open::Unmapped;
            }
            "unmapped by" => self.body.open = Open::Nothing,
            _ => {
                if let Some(act) = label.strip_suffix(" by").filter(|act| is_act(act)) {
                    report.act = Some(act.to_owned());
                    report.stack.by = scan::who(rest);
                    self.body.open = Open::Nothing;
                } else if let Some(total) = scan::total(rest) {
                    report.total.get_or_insert(total);
                } else if label == "overflow" {
                    // An overflow may also name its pages right here.
                    report.runs.extend(scan::run(rest));
                }
            }
        }
    }

    /// Whether a line within the report looks like one of its own.
    pub(super) fn knows(text: &str) -> bool {
        // What the kernel says of the task, and where its frames begin and end.
        const AROUND: [&str; 8] = [
            "Tainted: ",
            "Hardware name: ",
            "Workqueue: ",
            "Modules linked in: ",
            "Stack:",
            "<TASK>",
            "</TASK>",
            "<IRQ>",
        ];
        const LABELS: [&str; 10] = [
            "page",
            "mapped",
            "unmapped",
            "more",
            "mapping",
            "mapped by",
            "unmapped by",
            "oversized",
            "overflow",
            "leak",
        ];
        let text = text.trim_end();
        let fact = |(label, rest): (&str, &str)| {
            let act = label.strip_suffix(" by");
            LABELS.contains(&label) || act.is_some_and(is_act) || scan::total(rest).is_some()
        };
        let memory = |word: &str| word.len() >= 8 && word.bytes().all(|b| b.is_ascii_hexdigit());
        text.split_whitespace().all(memory)
            || text.split_once(": ").is_some_and(fact)
            || AROUND
                .iter()
                .any(|mark| text.trim_start().starts_with(mark))
            || frame::look(text) != Look::Other
            || frame::opens_trace(text)
            || OwnerLine::parse(text).is_some()
            || scan::cpu_line(text).is_some()
    }

    pub(super) fn close(self) -> Report {
        self.body.close()
    }
}

/// What the sanitizer says was being done; foreign lines may end in `by`, too.
fn is_act(words: &str) -> bool {
    const ACTS: [&str; 7] = [
        "freed",
        "allocated",
        "ended",
        "unbound",
        "found",
        "mapped over",
        "mapped again",
    ];
    words.starts_with("unmapped ") || ACTS.contains(&words)
}

/// The line of `=` before and after a report.
pub(super) fn is_ruler(text: &str) -> bool {
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
