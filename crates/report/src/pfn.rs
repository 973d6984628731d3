// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Page frame numbers and ranges of them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The number of a CPU page: its physical address divided by the CPU page size.
///
/// A plain number in JSON, hexadecimal with `0x` in text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pfn(pub u64);

impl fmt::Display for Pfn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// Consecutive CPU pages, both ends included; never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PfnRange {
    first: Pfn,
    last: Pfn,
}

impl PfnRange {
    /// The pages from `first` to `last`, both included; `None` if there are none.
    #[must_use]
    pub fn new(first: Pfn, last: Pfn) -> Option<Self> {
        (first <= last).then_some(Self { first, last })
    }

    /// The first page.
    #[must_use]
    pub fn first(self) -> Pfn {
        self.first
    }

    /// The last page, which still belongs to the range.
    #[must_use]
    pub fn last(self) -> Pfn {
        self.last
    }

    /// How many pages; saturates for the range of all page numbers.
    #[must_use]
    pub fn pages(self) -> u64 {
        (self.last.0 - self.first.0).saturating_add(1)
    }

    /// Whether the two have a page in common.
    #[must_use]
    pub fn intersects(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }

    /// Whether every page of `other` is one of ours.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.first <= other.first && other.last <= self.last
    }
}

/// One page as `0x1a2b5`, more as `0x1a2b0-0x1a2bf`.
impl fmt::Display for PfnRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}-{}", self.first, self.last)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(first: u64, last: u64) -> PfnRange {
        PfnRange::new(Pfn(first), Pfn(last)).unwrap()
    }

    #[test]
    fn a_range_includes_its_last_page() {
        assert!(range(1, 4).intersects(range(4, 9)));
        assert!(!range(1, 4).intersects(range(5, 9)));
        assert!(range(1, 4).contains(range(4, 4)));
        assert!(!range(1, 4).contains(range(4, 5)));
    }

    #[test]
    fn a_range_is_never_empty() {
        assert_eq!(PfnRange::new(Pfn(2), Pfn(1)), None);
        assert_eq!(range(0, u64::MAX).pages(), u64::MAX);
    }
}
