// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The part of a log that belongs to one run of one case.

use crate::zoo::{Event, Expectation, Marker, Variant};

/// How a window ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The case came to its end, at this line.
    Complete(u64),
    /// The case could not run, and why; with the line that says so.
    Failed(u64, String),
    /// The log ends, or another case begins, before this one is over.
    Open,
}

/// What a case says should follow, and where it says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The line of the marker.
    pub line: u64,
    /// What should follow it.
    pub what: Expectation,
}

/// The lines from a case's `begin` to its `end`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// The number of the pattern.
    pub case: u32,
    /// Bug or twin.
    pub variant: Variant,
    /// The page-table format.
    pub format: String,
    /// The line of `begin`, from 1.
    pub begin: u64,
    /// The case's own expectations, in the order of the log.
    pub expected: Vec<Expected>,
    /// How many bytes of somebody else's page the device has written over, if there is a device
    /// and somebody has looked.
    pub overwritten: Option<u64>,
    /// How it ended.
    pub ending: Ending,
    /// The last line that belongs to it; where it stays open, that is the end of the log or the
    /// line before the next case.
    pub last: u64,
}

impl Window {
    /// Whether the line lies in the window.
    #[must_use]
    pub fn holds(&self, line: u64) -> bool {
        (self.begin..=self.last).contains(&line)
    }

    fn is_of(&self, marker: &Marker) -> bool {
        self.case == marker.case && self.variant == marker.variant && self.format == marker.format
    }
}

/// Collects windows from the lines of a log.
#[derive(Debug, Default)]
pub struct Windows {
    lines: u64,
    done: Vec<Window>,
    open: Option<Window>,
}

impl Windows {
    /// Takes the next line.
    pub fn push(&mut self, line: &str) {
        self.lines += 1;
        let here = self.lines;
        let Some(marker) = Marker::parse(line) else {
            return;
        };
        if marker.event == Event::Begin {
            self.close(here - 1);
            self.open = Some(Window {
                case: marker.case,
                variant: marker.variant,
                format: marker.format,
                begin: here,
                expected: Vec::new(),
                overwritten: None,
                ending: Ending::Open,
                last: here,
            });
            return;
        }
        // A marker without its `begin` tells that lines were lost: there is no window to add to.
        let Some(window) = self.open.as_mut().filter(|window| window.is_of(&marker)) else {
            return;
        };
        match marker.event {
            Event::Begin => {}
            Event::Expect(what) => window.expected.push(Expected { line: here, what }),
            Event::Overwritten(bytes) => window.overwritten = Some(bytes),
            // What comes after a failure up to the end (if there is one) still belongs to it.
            Event::Failed(why) => window.ending = Ending::Failed(here, why),
            Event::End => {
                if window.ending == Ending::Open {
                    window.ending = Ending::Complete(here);
                }
                self.close(here);
            }
        }
    }

    /// Ends the log.
    #[must_use]
    pub fn finish(mut self) -> Vec<Window> {
        self.close(self.lines);
        self.done
    }

    fn close(&mut self, last: u64) {
        if let Some(mut window) = self.open.take() {
            window.last = last.max(window.begin);
            self.done.push(window);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(lines: &[&str]) -> Vec<Window> {
        let mut windows = Windows::default();
        lines.iter().for_each(|line| windows.push(line));
        windows.finish()
    }

    #[test]
    fn a_window_spans_begin_to_end() {
        let found = windows(&[
            "boot",
            "zoo: p01 bug amdv1: begin",
            "zoo: p01 bug amdv1: expect silent",
            "zoo: p01 bug amdv1: overwritten 7 bytes",
            "zoo: p01 bug amdv1: end",
            "after",
        ]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].overwritten, Some(7));
        assert_eq!(found[0].ending, Ending::Complete(5));
        assert_eq!(
            found[0].expected,
            [Expected {
                line: 3,
                what: Expectation::Silent
            }]
        );
        assert_eq!(
            (1..=6)
                .filter(|line| found[0].holds(*line))
                .collect::<Vec<_>>(),
            [2, 3, 4, 5]
        );
    }

    #[test]
    fn a_window_without_end_stays_open() {
        let found = windows(&[
            "zoo: p01 bug amdv1: begin",
            "x",
            "zoo: p01 bug vtdss: begin",
        ]);
        assert_eq!(
            found.iter().map(|w| w.ending.clone()).collect::<Vec<_>>(),
            [Ending::Open, Ending::Open]
        );
        assert_eq!(found.iter().map(|w| w.last).collect::<Vec<_>>(), [2, 3]);
    }

    #[test]
    fn a_failure_is_not_undone_by_the_end() {
        let found = windows(&[
            "zoo: p01 bug amdv1: begin",
            "zoo: p01 bug amdv1: failed: no memory",
            "zoo: p01 bug amdv1: end",
        ]);
        assert_eq!(found[0].ending, Ending::Failed(2, "no memory".to_owned()));
        assert!(found[0].holds(3));
    }

    #[test]
    fn a_marker_of_another_case_does_not_count() {
        let found = windows(&["zoo: p01 bug amdv1: begin", "zoo: p02 bug amdv1: end"]);
        assert_eq!(found[0].ending, Ending::Open);
    }
}
