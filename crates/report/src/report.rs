// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What a report says.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::frame::{self, Look};
use crate::kind::Kind;
use crate::pfn::{Pfn, PfnRange};

/// Which implementation of the sanitizer wrote a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Implementation {
    /// The one of this project: one report per event, naming pages.
    Rust,
    /// The kernel's own: one warning per 4K page, naming none.
    C,
}

impl fmt::Display for Implementation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rust => "rust",
            Self::C => "c",
        })
    }
}

/// The block that the page allocator gave out or took back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// Its first page.
    pub pfn: Pfn,
    /// The physical address of its first byte.
    pub phys: u64,
    /// It has 2^order pages.
    pub order: u32,
}

/// Physically consecutive pages of which the report speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappedRun {
    /// The first page.
    pub first_pfn: Pfn,
    /// The last page, included.
    pub last_pfn: Pfn,
    /// How many pages.
    pub pages: u64,
    /// How many translations reach into the run; absent where the log does not say.
    pub translations: Option<u64>,
}

impl MappedRun {
    /// The pages of the run; `None` for a run that a damaged log turned around.
    #[must_use]
    pub fn range(&self) -> Option<PfnRange> {
        PfnRange::new(self.first_pfn, self.last_pfn)
    }
}

/// What the report leaves out because it would be too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct More {
    /// Runs not listed.
    pub runs: u64,
    /// Pages in those runs.
    pub pages: u64,
}

/// The sum over all runs, listed or not, where the log states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Total {
    /// Pages in all runs.
    pub pages: u64,
    /// Runs.
    pub runs: u64,
}

/// One finding of the sanitizer.
///
/// The JSON form (serde) keeps its field names and meanings; fields may be added.
/// Page numbers and addresses are plain numbers there. What the log does not say
/// is `null` or empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Who wrote it.
    pub implementation: Implementation,
    /// What it is about.
    pub kind: Kind,
    /// Its first line, as in the log.
    pub title: String,
    /// The function held responsible.
    pub function: Option<String>,
    /// The page allocator's block, for the kinds that are found there.
    pub page: Option<Page>,
    /// The pages concerned, at most the first few runs of them.
    pub runs: Vec<MappedRun>,
    /// What did not fit into `runs`.
    pub more: Option<More>,
    /// The sum over all runs.
    pub total: Option<Total>,
    /// The call trace at the moment of the finding, innermost frame first:
    /// `function+0xoff/0xlen [module]`, Rust names demangled, unreliable frames
    /// after `? `.
    pub frames: Vec<String>,
    /// All lines of the report as in the log, without timestamps and the like.
    pub text: Vec<String>,
    /// The log ends or breaks off within the report.
    pub truncated: bool,
    /// The number of its first line in the log, from 1.
    pub line: u64,
}

impl Report {
    /// Whether the report says which pages it is about.
    #[must_use]
    pub fn names_pages(&self) -> bool {
        !self.runs.is_empty()
    }

    /// The frames of the call trace that are worth reading: the reliable ones if there are any,
    /// else all.
    pub fn trace(&self) -> impl Iterator<Item = &str> + '_ {
        let reliable = self.frames.iter().any(|frame| is_reliable(frame));
        let frames = self.frames.iter().map(String::as_str);
        frames.filter(move |frame| !reliable || is_reliable(frame))
    }

    /// The text of the log for people: Rust names demangled, and without words on the stack that
    /// look like frames and are none. Unreliable frames are left out if there are reliable ones.
    pub fn readable(&self) -> impl Iterator<Item = String> + '_ {
        let reliable = self.frames.iter().any(|frame| is_reliable(frame));
        self.text
            .iter()
            .filter_map(move |line| match frame::look(line) {
                Look::Frame(frame) if reliable && !frame.reliable => None,
                Look::Frame(frame) => Some(format!(" {frame}")),
                Look::NoReturn => None,
                Look::Other => Some(line.clone()),
            })
    }
}

/// Whether the unwinder vouches for a frame.
fn is_reliable(frame: &str) -> bool {
    !frame.starts_with("? ")
}
