// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What a report says.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::culprit::Culprit;
use crate::frame::{self, Frame, Look};
use crate::kind::Kind;
use crate::mapping::Mapping;
use crate::pfn::{Pfn, PfnRange};
use crate::stack::{Role, Stack};

/// Which implementation of the sanitizer wrote a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Implementation {
    /// The one of this project: one report per event, naming pages.
    Rust,
    /// The kernel's own: one warning per 4K page, naming none.
    C,
    /// Not the sanitizer at all, but the kernel's `DMA_API_DEBUG`.
    DmaApi,
}

impl fmt::Display for Implementation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rust => "rust",
            Self::C => "c",
            Self::DmaApi => "dma-api",
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
    /// The function held responsible, if the log says so; see [`Report::culprit`].
    pub function: Option<String>,
    /// The device concerned, by its name on its bus.
    pub device: Option<String>,
    /// The device's driver.
    pub driver: Option<String>,
    /// The page allocator's block, for the kinds that are found there.
    pub page: Option<Page>,
    /// The pages concerned, at most the first few runs of them.
    pub runs: Vec<MappedRun>,
    /// What did not fit into `runs`.
    pub more: Option<More>,
    /// The sum over all runs.
    pub total: Option<Total>,
    /// The mappings concerned, as far as their origins were recorded.
    pub mappings: Vec<Mapping>,
    /// What was being done at the moment of the finding: `freed`, `unmapped again`.
    pub act: Option<String>,
    /// Who did that, and the call trace.
    pub stack: Stack,
    /// The unmap that had taken the translations away before.
    pub unmapped: Option<Stack>,
    /// How the page was last allocated, from the page owner.
    pub allocated: Option<Stack>,
    /// How the page was last freed, from the page owner.
    pub freed: Option<Stack>,
    /// The kernel's release.
    pub kernel: Option<String>,
    /// The frames of `stack` as text, innermost frame first:
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
    pub fn trace(&self) -> impl Iterator<Item = String> + '_ {
        self.stack.readable().map(Frame::to_string)
    }

    /// All stacks of the report, in the order of what happened as far as that is known.
    pub fn stacks(&self) -> impl Iterator<Item = (Role, &Stack)> + '_ {
        let mapped = self.mappings.iter().map(|m| (Role::Mapped, &m.mapped));
        let allocated = self.allocated.iter().map(|s| (Role::Allocated, s));
        let unmapped = self.unmapped.iter().map(|s| (Role::Unmapped, s));
        let found = std::iter::once((Role::Found, &self.stack));
        let freed = self.freed.iter().map(|s| (Role::Freed, s));
        let all = allocated.chain(mapped).chain(unmapped).chain(found);
        all.chain(freed).filter(|(_, stack)| !stack.is_empty())
    }

    /// What a stack of the report is of: `freed`, `mapped`.
    #[must_use]
    pub fn headline(&self, role: Role) -> &str {
        match (role, self.kind) {
            (Role::Mapped, _) => "mapped",
            (Role::Unmapped, _) => "unmapped before",
            (Role::Allocated, _) => "last allocated",
            (Role::Freed, _) => "last freed",
            (Role::Found, _) if self.act.as_deref() == Some("ended") => "domain ended",
            (Role::Found, kind) => self.act.as_deref().unwrap_or(match kind {
                Kind::FreedWhileMapped => "freed",
                Kind::AllocatedWhileMapped => "allocated",
                Kind::LeakAtDomainEnd => "domain ended",
                Kind::LeakAtUnbind | Kind::DmaApiLeak => "unbound",
                Kind::UnmapUnderflow => "unmapped again",
                Kind::OverwrittenLiveEntry => "mapped over",
                Kind::OversizedUnmap | Kind::DmaApiMismatchedFree | Kind::DmaApiUnknownFree => {
                    "unmapped"
                }
                _ => "found",
            }),
        }
    }

    /// The frames of all stacks.
    pub fn frames_mut(&mut self) -> impl Iterator<Item = &mut Frame> + '_ {
        let mapped = self.mappings.iter_mut().map(|m| &mut m.mapped);
        let others = [&mut self.unmapped, &mut self.allocated, &mut self.freed];
        let others = others.into_iter().flatten();
        let stacks = mapped.chain([&mut self.stack]).chain(others);
        stacks.flat_map(|stack| stack.frames.iter_mut())
    }

    /// The function that the report is to be put down to: the one that its title names, unless that
    /// is a part of the kernel's memory management, DMA or IOMMU core, else the first of the call
    /// trace that is none. For what a driver leaves behind it is the function that had mapped it.
    #[must_use]
    pub fn culprit(&self) -> Option<Culprit> {
        let title = self.function.as_deref();
        let frame = title.and_then(Frame::parse);
        let named = match (&frame, title) {
            (Some(frame), _) => Some(Culprit::from(frame)),
            (None, title) => title.map(|function| Culprit {
                function: function.to_owned(),
                module: None,
            }),
        };
        if named.is_some() && !frame.is_some_and(|frame| frame.is_innocent()) {
            return named;
        }
        let mapped = || self.mappings.iter().find_map(|m| m.mapped.guilty());
        let found = self.stack.guilty();
        let guilty = match self.kind {
            Kind::DmaApiLeak | Kind::LeakAtUnbind => mapped().or(found),
            _ => found.or_else(mapped),
        };
        guilty.map(Culprit::from).or(named)
    }

    /// The text of the log for people: Rust names demangled, and without words on the stack that
    /// look like frames and are none. Unreliable frames are left out if there are reliable ones.
    pub fn readable(&self) -> impl Iterator<Item = String> + '_ {
        let reliable = self.stack.frames.iter().any(|frame| frame.reliable);
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
