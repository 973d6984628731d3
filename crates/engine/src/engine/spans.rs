// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Findings about pages, gathered into spans as they come in.

use super::{PageRange, Pfn};

/// Adjacent pages with the same finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first page.
    pub first: Pfn,
    /// The last page, which belongs to the span.
    pub last: Pfn,
    /// Translations, in granules, added up over the pages.
    pub translations: u64,
}

impl Span {
    /// The pages of the span.
    pub fn pages(&self) -> u64 {
        PageRange::new(self.first, self.last).map_or(0, PageRange::count)
    }
}

/// Spans in the order in which their pages were found; the first few in full, then only totals.
///
/// One of these is one report: a freed 2M page with three mapped pieces is one finding with three
/// spans, not 512 warnings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spans {
    kept: [Span; Spans::KEPT],
    /// Spans seen, kept or not.
    spans: u64,
    /// Pages in those spans.
    pages: u64,
    /// The page seen last, if any; the next one may join its span.
    last: Pfn,
}

impl Spans {
    /// How many spans are kept in full.
    pub const KEPT: usize = 8;

    /// Nothing found yet.
    pub const fn new() -> Self {
        const NONE: Span = Span {
            first: Pfn(0),
            last: Pfn(0),
            translations: 0,
        };
        Self {
            kept: [NONE; Self::KEPT],
            spans: 0,
            pages: 0,
            last: Pfn(0),
        }
    }

    /// Adds one page, or translations to the page that was added last.
    pub fn push(&mut self, pfn: Pfn, translations: u32) {
        let again = self.spans != 0 && pfn == self.last;
        let joins = self.spans != 0 && self.last.0.checked_add(1) == Some(pfn.0);
        if !again && !joins {
            self.spans += 1;
        }
        if !again {
            self.pages += 1;
        }
        self.last = pfn;

        let index = usize::try_from(self.spans - 1).unwrap_or(usize::MAX);
        let Some(span) = self.kept.get_mut(index) else {
            return;
        };
        if !again && !joins {
            *span = Span {
                first: pfn,
                last: pfn,
                translations: 0,
            };
        }
        span.last = pfn;
        span.translations += u64::from(translations);
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.spans == 0
    }

    /// The spans that were kept.
    pub fn kept(&self) -> &[Span] {
        let len = usize::try_from(self.spans).unwrap_or(usize::MAX);
        self.kept.get(..len).unwrap_or(&self.kept)
    }

    /// All spans, kept or not.
    pub fn spans(&self) -> u64 {
        self.spans
    }

    /// All pages, in spans that were kept or not. A page that comes up in several spans counts in
    /// each of them.
    pub fn pages(&self) -> u64 {
        self.pages
    }
}

impl Default for Spans {
    fn default() -> Self {
        Self::new()
    }
}

/// Spans that are made when there is something to put in.
///
/// Nearly every operation finds nothing, and takes no notice of this but for one byte.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings(Option<Spans>);

impl Findings {
    /// Nothing found yet.
    #[inline]
    pub const fn new() -> Self {
        Self(None)
    }

    /// Adds one page.
    #[cold]
    pub fn push(&mut self, pfn: Pfn, translations: u32) {
        self.0
            .get_or_insert_with(Spans::new)
            .push(pfn, translations);
    }

    /// What was found, if anything was.
    #[inline]
    pub fn spans(&self) -> Option<&Spans> {
        self.0.as_ref()
    }
}
