// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The incremental parser: console lines in, reports out.

use crate::draft::{Draft, Step};
use crate::line::{self, Caller, Line};
use crate::report::Report;

/// Callers that can be in the middle of a report at the same time.
const MAX_OPEN: usize = 64;
/// The kernel's lines have 1024 characters and what a console puts around them; the rest of
/// a longer one is not looked at.
pub(crate) const LONGEST: usize = 4096;

/// Finds reports in a kernel log that is given to it line by line.
///
/// Any text is accepted and nothing makes it panic; the memory that it takes is bounded, whatever
/// the log is. Where lines carry caller ids, reports that two CPUs print at the same time are kept
/// apart; where they do not, foreign lines within a report stay in its text and do no harm.
#[derive(Debug, Default)]
pub struct Parser {
    lines: u64,
    open: Vec<Open>,
}

/// A report in the middle of which somebody is.
#[derive(Debug)]
struct Open {
    caller: Option<Caller>,
    /// Whether its first line has a stamp or the like.
    stamped: bool,
    draft: Draft,
}

/// What the parser makes of a line.
#[derive(Debug, Default)]
pub struct Heard {
    /// The report that the line completes, or that it shows to have been complete before.
    pub done: Option<Report>,
    /// The report that the line is a part of, by its [`Report::line`].
    pub part_of: Option<u64>,
}

impl Parser {
    /// A parser before the first line.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many lines have been taken: the number of the last one, from 1.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Takes the next line, with or without its newline; returns the report that it completes.
    ///
    /// A report of the C implementation has no end mark and is complete only with the line
    /// after it; [`Report::line`] tells where it began.
    pub fn push(&mut self, line: &str) -> Option<Report> {
        self.hear(line).done
    }

    /// As [`Parser::push`]; also says whether the line is a part of a report.
    ///
    /// Somebody else's lines, which the report's text takes if nothing tells them apart for sure, are
    /// said to be no part as far as they look like that: they have no stamp where the report's first
    /// line has one, or say nothing that reports say.
    pub fn hear(&mut self, line: &str) -> Heard {
        self.lines += 1;
        let line = bounded(line);
        if self.open.is_empty() && !Draft::may_open(line) {
            return Heard::default();
        }
        let plain = line::without_escapes(line);
        let Line { caller, text } = Line::new(&plain);
        let stamped = !line::is_bare(&plain, text);
        let next = Draft::open(text, self.lines);

        let mut heard = Heard::default();
        if let Some(at) = self.open.iter().position(|open| open.caller == caller) {
            let open = &mut self.open[at];
            let first = open.draft.line();
            let step = if next.is_some() && !open.draft.continues_with(text) {
                Step::NotOurs
            } else {
                open.draft.step(text)
            };
            match step {
                Step::More => {
                    let ours = (stamped || !open.stamped) && open.draft.knows(text);
                    heard.part_of = ours.then_some(first);
                    return heard;
                }
                Step::Foreign => return heard,
                Step::Last => {
                    heard.part_of = Some(first);
                    heard.done = Some(self.open.remove(at).draft.close());
                    return heard;
                }
                Step::NotOurs => heard.done = Some(self.open.remove(at).draft.close()),
            }
        }
        if let Some(draft) = next {
            if self.open.len() >= MAX_OPEN {
                heard.done = Some(self.open.remove(0).draft.close());
            }
            heard.part_of = Some(self.lines);
            self.open.push(Open {
                caller,
                stamped,
                draft,
            });
        }
        heard
    }

    /// Ends the log; returns the reports that were still open, the earliest first.
    #[must_use]
    pub fn finish(self) -> Vec<Report> {
        let mut rest: Vec<Report> = self
            .open
            .into_iter()
            .map(|open| open.draft.close())
            .collect();
        rest.sort_by_key(|report| report.line);
        rest
    }
}

/// The beginning of a line, if it is too long.
fn bounded(line: &str) -> &str {
    if line.len() <= LONGEST {
        return line;
    }
    let end = (0..=LONGEST).rev().find(|at| line.is_char_boundary(*at));
    &line[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_which_report_it_is_part_of() {
        let mut parser = Parser::new();
        let mut part = |line: &str| parser.hear(line).part_of;
        assert_eq!(part("[    0.1] hello"), None);
        assert_eq!(part("[    0.1] BUG: DMASAN: freed-while-mapped"), Some(2));
        assert_eq!(
            part("[    0.1] page: pfn 0x1, phys 0x1000, order 0"),
            Some(2)
        );
        assert_eq!(part("a word of the user space"), None);
        assert_eq!(part("[    0.1][  T7] another caller"), None);
        assert_eq!(part("[    0.1] ===================="), Some(2));
        assert_eq!(part("[    0.1] ===================="), None);
        assert_eq!(part("BUG: DMASAN: freed-while-mapped"), Some(8));
        assert_eq!(part("usb 1-1: new device"), None);
        assert_eq!(part("freed by: insmod/36 on CPU 1 at 0.107442s"), Some(8));
    }

    #[test]
    fn what_comes_between_the_parts_of_a_report_is_no_part_of_it() {
        let mut parser = Parser::new();
        let mut part = |line: &str| parser.hear(line).part_of;
        let check = "WARNING: drivers/iommu/iommu-debug-pagealloc.c:93 at __iommu_debug_check_unmapped+0x1/0x2";
        assert_eq!(part(check), Some(1));
        assert_eq!(part("---[ end trace 0000000000000000 ]---"), Some(1));
        assert_eq!(part("usb 1-1: new device"), None);
        assert_eq!(part("iommu: Detected page leak!"), Some(1));
        assert_eq!(part("page_owner tracks the page as freed"), Some(1));
        let heard = parser.hear("usb 1-1: new device");
        assert_eq!(heard.part_of, None);
        assert!(heard.done.is_some_and(|report| !report.truncated));
    }

    #[test]
    fn the_rest_of_a_long_line_is_not_kept() {
        let mut parser = Parser::new();
        parser.hear("BUG: DMASAN: freed-while-mapped");
        parser.hear(&"é".repeat(1 << 20));
        let report = &parser.finish()[0];
        assert!(report.text[1].len() <= LONGEST && report.text[1].len() > LONGEST - 2);
    }
}
