// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Reports while their lines come in, one file per shape.

mod body;
mod c;
mod dma_api;
mod rust;

use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::report::Report;

use body::Body;
use c::CDraft;
use dma_api::DmaApiDraft;
use rust::RustDraft;

/// A report of a sane kernel has some 100 lines; beyond this one its end was lost.
const MAX_LINES: usize = 512;

/// What a draft makes of a line.
pub(crate) enum Step {
    /// Taken; more is to come.
    More,
    /// Not taken; more may come.
    Foreign,
    /// Taken; the report is complete.
    Last,
    /// Not taken; the report ended before.
    NotOurs,
}

/// A report of any shape.
#[derive(Debug)]
pub(crate) enum Draft {
    Rust(RustDraft),
    C(CDraft),
    DmaApi(DmaApiDraft),
}

impl Draft {
    /// Whether a line, with whatever is around it, can be the first of a report at all: most lines
    /// of a log are not, and need not be looked at any closer.
    pub(crate) fn may_open(raw: &str) -> bool {
        static MARKS: LazyLock<[Finder<'_>; 4]> =
            LazyLock::new(|| ["WARNING: ", "DMASAN: ", "DMA-API: ", "page leak!"].map(Finder::new));
        MARKS.iter().any(|mark| mark.find(raw.as_bytes()).is_some())
    }

    /// Begins a report if the line can be the first of one.
    pub(crate) fn open(text: &str, line: u64) -> Option<Self> {
        RustDraft::open(text, line)
            .map(Self::Rust)
            .or_else(|| CDraft::open(text, line).map(Self::C))
            .or_else(|| DmaApiDraft::open(text, line).map(Self::DmaApi))
    }

    /// Whether a line that could open a report belongs to this one: warnings and their messages
    /// are lines of their own.
    pub(crate) fn continues_with(&self, text: &str) -> bool {
        match self {
            Self::Rust(_) => false,
            Self::C(draft) => draft.awaits(text),
            Self::DmaApi(draft) => draft.awaits(text),
        }
    }

    /// Takes the next line of the same caller.
    pub(crate) fn step(&mut self, text: &str) -> Step {
        // After a reboot in the same log nothing continues.
        if self.body().report.text.len() >= MAX_LINES || text.starts_with("Linux version ") {
            return Step::NotOurs;
        }
        match self {
            Self::Rust(draft) => draft.step(text),
            Self::C(draft) => draft.step(text),
            Self::DmaApi(draft) => draft.step(text),
        }
    }

    /// The report with what has been seen of it.
    pub(crate) fn close(self) -> Report {
        match self {
            Self::Rust(draft) => draft.close(),
            Self::C(draft) => draft.close(),
            Self::DmaApi(draft) => draft.close(),
        }
    }

    /// Whether a line that was taken looks like one of the report. Warnings have too many kinds of
    /// lines to tell.
    pub(crate) fn knows(&self, text: &str) -> bool {
        match self {
            Self::Rust(_) => RustDraft::knows(text),
            Self::C(_) | Self::DmaApi(_) => true,
        }
    }

    /// The number of its first line.
    pub(crate) fn line(&self) -> u64 {
        self.body().report.line
    }

    fn body(&self) -> &Body {
        match self {
            Self::Rust(draft) => &draft.body,
            Self::C(draft) => &draft.body,
            Self::DmaApi(draft) => &draft.body,
        }
    }
}

/// Whether a line can be the one before the first of a report: a ruler, or what warnings begin
/// with.
pub(crate) fn leads_up(text: &str) -> bool {
    rust::is_ruler(text) || text.starts_with("------------[ cut here ]")
}
