// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Who did something, when, and by way of which functions.

use serde::{Deserialize, Serialize};

use crate::frame::Frame;

/// Who did something, and when. What the log does not say is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// The task's name (`comm`).
    pub task: Option<String>,
    /// The task's id.
    pub pid: Option<u32>,
    /// The CPU it ran on.
    pub cpu: Option<u32>,
    /// When, in microseconds of the kernel's clock.
    pub at_us: Option<u64>,
    /// How long before the report, in microseconds.
    pub ago_us: Option<u64>,
}

/// The stack of an event, innermost frame first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stack {
    /// Whose it is.
    pub by: Option<Who>,
    /// The frames; none where the log has none.
    pub frames: Vec<Frame>,
}

impl Stack {
    /// The frames that are worth reading: the reliable ones if there are any, else all.
    pub fn readable(&self) -> impl Iterator<Item = &Frame> + '_ {
        let reliable = self.frames.iter().any(|frame| frame.reliable);
        let wanted = move |frame: &&Frame| !reliable || frame.reliable;
        self.frames.iter().filter(wanted)
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by.is_none() && self.frames.is_empty()
    }
}

/// What a stack of a report tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// How the pages were mapped.
    Mapped,
    /// What was happening when the sanitizer spoke up: the free, the unmap, the end of a domain.
    Found,
    /// The unmap that had taken the translations away before.
    Unmapped,
    /// How the page was last allocated, as the page owner tells.
    Allocated,
    /// How the page was last freed, as the page owner tells.
    Freed,
}
