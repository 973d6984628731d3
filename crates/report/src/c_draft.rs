// SPDX-License-Identifier: Apache-2.0 OR MIT

//! A report of the C implementation while its lines come in.
//!
//! It is a kernel warning at a place in `iommu-debug-pagealloc.c`. If the place is the page
//! allocator's check, the line `iommu: Detected page leak!` follows, then the page owner's dump,
//! which has no end mark: the first line that is none of its own ends it.

use crate::frame;
use crate::parser::Step;
use crate::report::{Implementation, Kind, Report};

const LEAK: &str = "iommu: Detected page leak!";
const CHECK: &str = "iommu_debug_check_unmapped";
/// How many foreign lines may come between the warning's end and the leak line.
const PATIENCE: u32 = 8;

#[derive(Debug)]
pub(crate) struct CDraft {
    report: Report,
    part: Part,
}

#[derive(Debug, PartialEq, Eq)]
enum Part {
    Warning { in_trace: bool },
    AwaitingLeak { foreign: u32 },
    Owner,
}

impl CDraft {
    /// Begins a report at the warning, or at the leak line if the warning is missing.
    pub(crate) fn open(text: &str, line: u64) -> Option<Self> {
        let orphan = text == LEAK;
        if !orphan && !is_our_warning(text) {
            return None;
        }
        let check = orphan || text.contains(CHECK);
        let report = Report {
            implementation: Implementation::C,
            kind: if check {
                Kind::StillMapped
            } else {
                accounting_kind(text)
            },
            title: text.to_owned(),
            function: None,
            page: None,
            runs: Vec::new(),
            more: None,
            total: None,
            frames: Vec::new(),
            text: vec![text.to_owned()],
            truncated: true,
            line,
        };
        let part = if orphan {
            Part::Owner
        } else {
            Part::Warning { in_trace: false }
        };
        Some(Self { report, part })
    }

    /// Whether the line is the leak line that this warning leads up to.
    pub(crate) fn awaits(&self, text: &str) -> bool {
        text == LEAK && self.part != Part::Owner && self.report.kind == Kind::StillMapped
    }

    /// Takes the next line of the same caller.
    pub(crate) fn step(&mut self, text: &str) -> Step {
        if self.awaits(text) {
            self.report.truncated = matches!(self.part, Part::Warning { .. });
            self.report.text.push(text.to_owned());
            self.part = Part::Owner;
            return Step::More;
        }
        match &mut self.part {
            Part::Warning { .. } if text.starts_with("---[ end trace") => {
                self.report.text.push(text.to_owned());
                if self.report.kind != Kind::StillMapped {
                    self.report.truncated = false;
                    return Step::Last;
                }
                self.part = Part::AwaitingLeak { foreign: 0 };
                return Step::More;
            }
            Part::Warning { in_trace } => {
                if frame::opens_trace(text) {
                    *in_trace = true;
                } else if *in_trace {
                    self.report.frames.extend(frame::parse(text));
                }
            }
            Part::AwaitingLeak { foreign } => {
                *foreign += 1;
                return if *foreign > PATIENCE {
                    Step::NotOurs
                } else {
                    Step::More
                };
            }
            Part::Owner => {
                if !frame::is_owner_line(text) && frame::parse(text).is_none() {
                    return Step::NotOurs;
                }
            }
        }
        self.report.text.push(text.to_owned());
        Step::More
    }

    /// The report with what has been seen of it.
    pub(crate) fn close(mut self) -> Report {
        if self.report.kind == Kind::StillMapped {
            self.report.kind = check_kind(&self.report.frames);
        }
        self.report
    }

    pub(crate) fn lines(&self) -> usize {
        self.report.text.len()
    }
}

/// A warning that names the sanitizer's file, or (kernels without file names in their
/// warnings) one of its functions.
fn is_our_warning(text: &str) -> bool {
    text.starts_with("WARNING: ")
        && (text.contains("iommu-debug-pagealloc.c") || text.contains(" at __iommu_debug_"))
}

/// The two warnings about counts tell themselves apart only if the compiler did not inline them.
fn accounting_kind(text: &str) -> Kind {
    if text.contains("iommu_debug_dec_page") {
        Kind::UnmapUnderflow
    } else if text.contains("iommu_debug_inc_page") {
        Kind::CountOverflow
    } else {
        Kind::AccountingWarning
    }
}

/// The check runs on both sides of the page allocator; its innermost caller tells which. Frames
/// before the check are the warning's own machinery.
fn check_kind(frames: &[String]) -> Kind {
    const ALLOCATING: [&str; 5] = [
        "post_alloc_hook",
        "prep_new_page",
        "get_page_from_freelist",
        "rmqueue",
        "alloc_pages",
    ];
    const FREEING: [&str; 3] = ["free_pages", "free_frozen", "free_unref"];
    let check = frames.iter().rposition(|frame| frame.contains(CHECK));
    for frame in &frames[check.map_or(0, |at| at + 1)..] {
        if FREEING.iter().any(|name| frame.contains(name)) {
            return Kind::FreedWhileMapped;
        }
        if ALLOCATING.iter().any(|name| frame.contains(name)) {
            return Kind::AllocatedWhileMapped;
        }
    }
    Kind::StillMapped
}
