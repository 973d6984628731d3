// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What all reports have in common while their lines come in.

use crate::frame::{self, Frame};
use crate::kind::Kind;
use crate::owner::OwnerLine;
use crate::report::{Implementation, Report};
use crate::scan;
use crate::stack::Stack;

/// A report, and the stack to which the next frame belongs.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) report: Report,
    pub(super) open: Open,
}

/// The stack that is being printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Open {
    /// None.
    Nothing,
    /// That of the moment.
    Trace,
    /// How the last mapping came about.
    Mapping,
    /// The unmap before.
    Unmapped,
    /// The page's allocation.
    Allocated,
    /// The page's last free.
    Freed,
}

impl Body {
    /// A report of which the first line is known, and nothing else.
    pub(super) fn new(implementation: Implementation, kind: Kind, title: &str, line: u64) -> Self {
        Self {
            report: Report {
                implementation,
                kind,
                title: title.to_owned(),
                function: None,
                device: None,
                driver: None,
                page: None,
                runs: Vec::new(),
                more: None,
                total: None,
                mappings: Vec::new(),
                act: None,
                stack: Stack::default(),
                unmapped: None,
                allocated: None,
                freed: None,
                kernel: None,
                frames: Vec::new(),
                text: vec![title.to_owned()],
                truncated: true,
                line,
            },
            open: Open::Nothing,
        }
    }

    /// Takes a line of the report, whatever its shape.
    pub(super) fn take(&mut self, text: &str) {
        self.report.text.push(text.to_owned());
        let report = &mut self.report;
        if frame::opens_trace(text) {
            let first = report.stack.frames.is_empty();
            self.open = if first { Open::Trace } else { Open::Nothing };
        } else if let Some(line) = OwnerLine::parse(text) {
            self.open = match line {
                OwnerLine::Allocated(by) => {
                    report.allocated.get_or_insert_default().by = Some(by);
                    Open::Allocated
                }
                OwnerLine::Freed(by) => {
                    report.freed.get_or_insert_default().by = Some(by);
                    Open::Freed
                }
                OwnerLine::Other => Open::Nothing,
            };
        } else if let Some((by, kernel)) = scan::cpu_line(text) {
            report.stack.by.get_or_insert(by);
            report.kernel = report.kernel.take().or(kernel);
            self.open = Open::Nothing;
        } else if let Some(frame) = Frame::parse(text) {
            if let Some(stack) = self.open_stack() {
                stack.frames.push(frame);
            }
        }
    }

    fn open_stack(&mut self) -> Option<&mut Stack> {
        let report = &mut self.report;
        match self.open {
            Open::Nothing => None,
            Open::Trace => Some(&mut report.stack),
            Open::Mapping => report.mappings.last_mut().map(|m| &mut m.mapped),
            Open::Unmapped => report.unmapped.as_mut(),
            Open::Allocated => report.allocated.as_mut(),
            Open::Freed => report.freed.as_mut(),
        }
    }

    /// The report with what has been seen of it.
    pub(super) fn close(self) -> Report {
        let mut report = self.report;
        let known = |find: fn(&crate::mapping::Mapping) -> Option<&String>| {
            report.mappings.iter().find_map(find).cloned()
        };
        report.device = report.device.or(known(|m| m.device.as_ref()));
        report.driver = report.driver.or(known(|m| m.driver.as_ref()));
        report.frames = report.stack.frames.iter().map(Frame::to_string).collect();
        report
    }
}
