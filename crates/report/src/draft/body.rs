// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What all reports have in common while their lines come in.

use crate::frame::{self, Frame};
use crate::kind::Kind;
use crate::owner;
use crate::report::{Implementation, Report};

/// A report, and where in it the next frame belongs.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) report: Report,
    frames: Vec<Frame>,
    trace: Trace,
}

#[derive(Debug, PartialEq, Eq)]
enum Trace {
    Before,
    Inside,
    After,
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
                page: None,
                runs: Vec::new(),
                more: None,
                total: None,
                frames: Vec::new(),
                text: vec![title.to_owned()],
                truncated: true,
                line,
            },
            frames: Vec::new(),
            trace: Trace::Before,
        }
    }

    /// Takes a line of the report, and the frame on it.
    pub(super) fn take(&mut self, text: &str) {
        self.report.text.push(text.to_owned());
        if self.trace == Trace::Before && frame::opens_trace(text) {
            self.trace = Trace::Inside;
        } else if owner::is_owner_line(text) {
            self.trace = Trace::After;
        } else if self.trace == Trace::Inside {
            self.frames.extend(Frame::parse(text));
        }
    }

    /// The frames of the call trace.
    pub(super) fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// The report with what has been seen of it.
    pub(super) fn close(mut self) -> Report {
        self.report.frames = self.frames.iter().map(Frame::to_string).collect();
        self.report
    }
}
