// SPDX-License-Identifier: Apache-2.0 OR MIT

//! A report of the C implementation.
//!
//! It is a kernel warning at a place in `iommu-debug-pagealloc.c`. If the place is the page
//! allocator's check, the line `iommu: Detected page leak!` follows, then the page owner's dump,
//! which has no end mark: the first line that is none of its own ends it.

use super::body::Body;
use super::Step;
use crate::frame::Frame;
use crate::kind::Kind;
use crate::owner::OwnerLine;
use crate::report::{Implementation, Report};

const LEAK: &str = "iommu: Detected page leak!";
const CHECK: &str = "iommu_debug_check_unmapped";
/// How many foreign lines may come between the warning's end and the leak line.
const PATIENCE: u32 = 8;

#[derive(Debug)]
pub(crate) struct CDraft {
    pub(super) body: Body,
    part: Part,
}

#[derive(Debug, PartialEq, Eq)]
enum Part {
    Warning,
    AwaitingLeak { foreign: u32 },
    Owner,
}

impl CDraft {
    /// Begins a report at the warning, or at the leak line if the warning is missing.
    pub(super) fn open(text: &str, line: u64) -> Option<Self> {
        let (kind, part) = if text == LEAK {
            (Kind::StillMapped, Part::Owner)
        } else if !is_our_warning(text) {
            return None;
        } else if text.contains(CHECK) {
            (Kind::StillMapped, Part::Warning)
        } else {
            (accounting_kind(text), Part::Warning)
        };
        Some(Self {
            body: Body::new(Implementation::C, kind, text, line),
            part,
        })
    }

    /// Whether the line is the leak line that this warning leads up to.
    pub(super) fn awaits(&self, text: &str) -> bool {
        text == LEAK && self.part != Part::Owner && self.body.report.kind == Kind::StillMapped
    }

    pub(super) fn step(&mut self, text: &str) -> Step {
        if self.awaits(text) {
            self.body.report.truncated = self.part == Part::Warning;
            self.part = Part::Owner;
        } else {
            match &mut self.part {
                Part::Warning if text.starts_with("---[ end trace") => {
                    if self.body.report.kind != Kind::StillMapped {
                        self.body.report.truncated = false;
                        self.body.take(text);
                        return Step::Last;
                    }
                    self.part = Part::AwaitingLeak { foreign: 0 };
                }
                Part::Warning => {}
                Part::AwaitingLeak { foreign } => {
                    *foreign += 1;
                    return if *foreign > PATIENCE {
                        Step::NotOurs
                    } else {
                        Step::Foreign
                    };
                }
                Part::Owner => {
                    if OwnerLine::parse(text).is_none() && Frame::parse(text).is_none() {
                        return Step::NotOurs;
                    }
                }
            }
        }
        self.body.take(text);
        Step::More
    }

    pub(super) fn close(mut self) -> Report {
        if self.body.report.kind == Kind::StillMapped {
            self.body.report.kind = check_kind(&self.body.report.stack.frames);
        }
        self.body.close()
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

/// Everything up to the check is the warning's own machinery, or chance.
fn after_check(frames: &[Frame]) -> &[Frame] {
    let check = frames
        .iter()
        .rposition(|frame| frame.function.contains(CHECK));
    &frames[check.map_or(0, |at| at + 1)..]
}

/// The check runs on both sides of the page allocator; its innermost caller tells which.
fn check_kind(frames: &[Frame]) -> Kind {
    const ALLOCATING: [&str; 5] = [
        "post_alloc_hook",
        "prep_new_page",
        "get_page_from_freelist",
        "rmqueue",
        "alloc_pages",
    ];
    const FREEING: [&str; 3] = ["free_pages", "free_frozen", "free_unref"];
    for frame in after_check(frames) {
        if FREEING.iter().any(|name| frame.function.contains(name)) {
            return Kind::FreedWhileMapped;
        }
        if ALLOCATING.iter().any(|name| frame.function.contains(name)) {
            return Kind::AllocatedWhileMapped;
        }
    }
    Kind::StillMapped
}
