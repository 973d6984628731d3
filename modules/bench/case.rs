// SPDX-License-Identifier: GPL-2.0-only

//! What a line of the results is about.

use kernel::{
    fmt,
    prelude::*, //
};

use crate::{
    clock,
    samples::Samples,
    support::Format, //
};

/// What is done to the memory.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Mapped at an IOVA that is aligned as the memory is.
    Large,
    /// Mapped at an IOVA that is off by 4K, so that no larger leaf fits.
    Small,
    /// Mapped page by page, no two neighbours contiguous; unmapped as a whole.
    Scattered,
    /// Allocated and freed.
    Pages,
}

impl Kind {
    /// The bits of the parameter `kinds`, from the lowest on.
    pub(crate) const ALL: [Self; 4] = [Self::Large, Self::Small, Self::Scattered, Self::Pages];

    fn name(self) -> &'static str {
        match self {
            Self::Large => "large",
            Self::Small => "small",
            Self::Scattered => "scattered",
            Self::Pages => "pages",
        }
    }
}

/// What several threads have in common.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Share {
    /// Nothing: each has a domain and memory of its own, or there is one thread.
    None,
    /// One domain, of which each has its own range, with memory of its own.
    Domain,
    /// The memory, each in a domain of its own.
    Pages,
}

impl Share {
    /// The bits of the parameter `shares`, from the lowest on.
    pub(crate) const ALL: [Self; 3] = [Self::Domain, Self::None, Self::Pages];

    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Domain => "domain",
            Self::Pages => "pages",
        }
    }
}

/// One line of the results, but for the results.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub(crate) format: Option<Format>,
    pub(crate) kind: Kind,
    pub(crate) share: Share,
    pub(crate) bytes: usize,
    pub(crate) threads: usize,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "format={} kind={} share={} size={} threads={}",
            self.format.map_or("none", Format::name),
            self.kind.name(),
            self.share.name(),
            self.bytes,
            self.threads
        )
    }
}

impl Case {
    /// Prints a line for each of the two operations, or one that says why there are none. Returns
    /// how many.
    pub(crate) fn print(self, names: [&str; 2], costs: Result<(Samples, Samples)>) -> u32 {
        let (first, second) = match costs {
            Ok(costs) => costs,
            Err(error) => {
                pr_info!("failed {} error={}\n", self, error.to_errno());
                return 1;
            }
        };
        let mut lines = 0;
        for (name, mut samples) in names.into_iter().zip([first, second]) {
            if let Some(quartiles) = samples.quartiles() {
                pr_info!("{} op={} unit={} {}\n", self, name, clock::UNIT, quartiles);
                lines += 1;
            }
        }
        lines
    }
}
