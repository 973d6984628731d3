// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Shows the console, and finds the reports in it while it grows.

use std::io::{self, Write};

use dmasan_report::{Bugs, Piece, Report, Stream};

use super::console::Listener;
use crate::report::{again, entry, GuestSymbols};

/// What there is to be shown, and kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// Reports in a form for people in place of the kernel's lines.
    pub(super) follow: bool,
    /// All reports in the end, not only one for each bug.
    pub(super) all: bool,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// What the reports are about, in the order in which it came up.
    pub(super) bugs: Bugs,
    /// All reports in the order of the log, if all are wanted.
    pub(super) reports: Vec<Report>,
}

/// A listener that shows what it hears.
pub(super) struct Watch<'a> {
    out: &'a mut dyn Out,
    symbols: &'a mut GuestSymbols,
    wanted: Wanted,
    stream: Stream,
    found: Found,
    /// Whether the last thing shown was a report, which ends in an empty line.
    apart: bool,
}

/// Where the console goes.
pub(super) trait Out {
    /// A line of the guest, which may have any colours of its own.
    fn line(&mut self, line: &str) -> io::Result<()>;
    /// Text of ours, whose colours are for a terminal only.
    fn text(&mut self, text: &str) -> io::Result<()>;
}

/// Standard output.
pub(super) struct Stdout;

impl Out for Stdout {
    fn line(&mut self, line: &str) -> io::Result<()> {
        writeln!(io::stdout().lock(), "{line}")
    }

    fn text(&mut self, text: &str) -> io::Result<()> {
        anstream::stdout().lock().write_all(text.as_bytes())
    }
}

/// Standard error.
pub(super) struct Stderr;

impl Out for Stderr {
    fn line(&mut self, line: &str) -> io::Result<()> {
        writeln!(io::stderr().lock(), "{line}")
    }

    fn text(&mut self, text: &str) -> io::Result<()> {
        anstream::stderr().lock().write_all(text.as_bytes())
    }
}

impl<'a> Watch<'a> {
    /// Nothing has been heard yet.
    pub(super) fn new(out: &'a mut dyn Out, symbols: &'a mut GuestSymbols, wanted: Wanted) -> Self {
        Self {
            out,
            symbols,
            wanted,
            stream: Stream::new(),
            found: Found::default(),
            apart: false,
        }
    }

    /// Ends the log.
    pub(super) fn finish(mut self) -> io::Result<Found> {
        let mut pieces = Vec::new();
        std::mem::take(&mut self.stream).finish(&mut |piece| pieces.push(piece));
        self.take(pieces)?;
        // They came in the order of their ends.
        self.found.reports.sort_by_key(|report| report.line);
        Ok(self.found)
    }

    fn take(&mut self, pieces: Vec<Piece>) -> io::Result<()> {
        for piece in pieces {
            match piece {
                Piece::Line(line) if self.wanted.follow => {
                    self.apart = false;
                    self.out.line(&line)?;
                }
                Piece::Line(_) => {}
                Piece::Report(report) => self.report(*report)?,
            }
        }
        Ok(())
    }

    fn report(&mut self, report: Report) -> io::Result<()> {
        if self.wanted.all {
            self.found.reports.push(report.clone());
        }
        if !self.wanted.follow {
            self.found.bugs.push(report);
            return Ok(());
        }
        let Some(at) = self.found.bugs.push(report.clone()) else {
            return Ok(());
        };
        let known = &self.found.bugs.as_slice()[at];
        let text = if known.report == report {
            let mut bug = known.clone();
            self.symbols.resolve(&mut bug.report);
            entry(at + 1, &bug)
        } else {
            let mut report = report;
            self.symbols.resolve(&mut report);
            again(at + 1, known, &report)
        };
        let before = if self.apart { "" } else { "\n" };
        self.apart = true;
        self.out.text(&format!("{before}{text}\n"))
    }
}

impl Listener for Watch<'_> {
    fn line(&mut self, line: &str) -> io::Result<()> {
        if !self.wanted.follow {
            self.out.line(line)?;
        }
        let mut pieces = Vec::new();
        self.stream.push(line, &mut |piece| pieces.push(piece));
        self.take(pieces)
    }

    fn silence(&mut self) -> io::Result<()> {
        let mut pieces = Vec::new();
        self.stream.idle(&mut |piece| pieces.push(piece));
        self.take(pieces)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// All that was shown, without colours.
    #[derive(Default)]
    pub(in crate::run) struct Text(pub(in crate::run) String);

    impl Out for Text {
        fn line(&mut self, line: &str) -> io::Result<()> {
            self.0.push_str(&format!("{line}\n"));
            Ok(())
        }

        fn text(&mut self, text: &str) -> io::Result<()> {
            self.0
                .push_str(&anstream::adapter::strip_str(text).to_string());
            Ok(())
        }
    }

    fn log(name: &str) -> String {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../report/tests/logs");
        std::fs::read_to_string(format!("{folder}/{name}.log")).unwrap()
    }

    fn watch(log: &str, wanted: Wanted) -> (String, Found) {
        let mut text = Text::default();
        let mut symbols = GuestSymbols::default();
        let mut watch = Watch::new(&mut text, &mut symbols, wanted);
        log.lines().for_each(|line| watch.line(line).unwrap());
        let found = watch.finish().unwrap();
        (text.0, found)
    }

    #[test]
    fn reports_take_the_place_of_their_lines() {
        let wanted = Wanted {
            follow: true,
            all: false,
        };
        let (text, found) = watch(&log("rust-two-reports"), wanted);
        insta::assert_snapshot!(text);
        assert_eq!((found.bugs.reports(), found.reports.len()), (2, 0));
    }

    #[test]
    fn a_bug_that_is_known_is_told_in_short() {
        let once = log("rust-origins");
        let (report, _) = once.split_once("[    0.207442] ===").unwrap();
        let elsewhere = report
            .replace("0x144", "0x155")
            .replace("bug+0x82/", "bug+0x66/");
        let wanted = Wanted {
            follow: true,
            all: false,
        };
        let log = format!("{report}[    0.2] hello\n{report}{elsewhere}");
        insta::assert_snapshot!(watch(&log, wanted).0);
    }

    #[test]
    fn without_follow_the_console_is_shown_as_it_is() {
        let log = log("rust-interleaved");
        let wanted = Wanted {
            follow: false,
            all: true,
        };
        let (text, found) = watch(&log, wanted);
        assert_eq!(
            text.lines().collect::<Vec<_>>(),
            log.lines().collect::<Vec<_>>()
        );
        let whole = dmasan_report::Log::parse(log.lines());
        assert_eq!(found.reports, whole.reports);
        assert_eq!(found.bugs.reports(), whole.reports.len() as u64);
    }
}
