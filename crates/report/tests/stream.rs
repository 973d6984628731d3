// SPDX-License-Identifier: Apache-2.0 OR MIT

//! A log that is read while it grows says the same as one that is read as a whole, and none of its
//! lines gets lost.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use dmasan_report::{Log, Piece, Report, Stream};
use proptest::prelude::*;
use proptest::sample::Index;

/// All logs in `tests/logs`: names and texts.
static LOGS: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/logs");
    let mut logs: Vec<(String, String)> = fs::read_dir(folder)
        .expect("the logs")
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let bytes = fs::read(&path).expect("a log");
            let name = path
                .file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            (name, String::from_utf8_lossy(&bytes).into_owned())
        })
        .collect();
    logs.sort();
    assert!(logs.len() >= 12, "{}", logs.len());
    logs
});

/// What comes out of a stream.
#[derive(Default)]
struct Seen {
    lines: Vec<String>,
    reports: Vec<Report>,
}

impl Seen {
    fn take(&mut self, piece: Piece) {
        match piece {
            Piece::Line(line) => self.lines.push(line),
            Piece::Report(report) => self.reports.push(*report),
        }
    }
}

/// Streams lines; after some of them nothing comes for a while.
fn stream(lines: &[&str], pauses: &[bool]) -> Seen {
    let mut seen = Seen::default();
    let mut stream = Stream::new();
    for (at, line) in lines.iter().enumerate() {
        stream.push(line, &mut |piece| seen.take(piece));
        if pauses.get(at % pauses.len().max(1)) == Some(&true) {
            stream.idle(&mut |piece| seen.take(piece));
        }
    }
    stream.finish(&mut |piece| seen.take(piece));
    seen.reports.sort_by_key(|report| report.line);
    seen
}

/// How often each line is there.
fn counts<'a>(lines: impl IntoIterator<Item = &'a str>) -> HashMap<&'a str, i64> {
    let mut counts = HashMap::new();
    for line in lines {
        *counts.entry(line).or_default() += 1;
    }
    counts
}

/// Compares a stream of lines with the whole log.
fn check(name: &str, lines: &[&str], pauses: &[bool]) -> Result<(), TestCaseError> {
    let seen = stream(lines, pauses);
    let whole = Log::parse(lines);
    prop_assert_eq!(&seen.reports, &whole.reports, "{}", name);

    let mut hidden = counts(lines.iter().copied());
    for line in &seen.lines {
        let left = hidden.get_mut(line.as_str());
        prop_assert!(left.is_some(), "{name}: {line:?} is not of the log");
        left.into_iter().for_each(|left| *left -= 1);
    }
    let known = whole.reports.iter().filter(|report| !report.truncated);
    let known = counts(known.flat_map(|report| report.text.iter().map(String::as_str)));
    for (line, count) in hidden {
        prop_assert!(count >= 0, "{name}: {line:?} is shown too often");
        let text = dmasan_report::message(line);
        let frame = text.starts_with("====") || text.starts_with("----");
        let stands = frame || known.contains_key(text);
        prop_assert!(count == 0 || stands, "{name}: {line:?} is lost");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn a_growing_log_says_the_same_wherever_it_is_cut(
        cuts in prop::collection::vec(any::<Index>(), 12..40),
        pauses in prop::collection::vec(prop::bool::weighted(0.1), 1..64),
    ) {
        for (name, text) in LOGS.iter() {
            let places: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
            // The log ends at the first of them, and goes on at the next, as after a lost part.
            let mut parts = Vec::new();
            for pair in places.chunks(2) {
                let (from, to) = (pair[0].min(pair[pair.len() - 1]), pair[0].max(pair[pair.len() - 1]));
                parts.push(String::from_utf8_lossy(&text.as_bytes()[from..to]).into_owned());
            }
            let lines: Vec<&str> = parts.iter().flat_map(|part| part.lines()).collect();
            check(name, &lines, &pauses)?;
            let end = (0..=places[0]).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            let lines: Vec<&str> = text[..end].lines().collect();
            check(name, &lines, &pauses)?;
        }
    }

    /// Lines of all logs at the same time, with and without what tells callers apart. (Texts of
    /// reports have no colours, so that lines with some could not be found in them.)
    #[test]
    fn mixed_logs_say_the_same(
        order in prop::collection::vec((0usize..64, 1usize..12, 0u32..3), 1..120),
        pauses in prop::collection::vec(any::<bool>(), 1..16),
    ) {
        let mut rest: Vec<_> = LOGS.iter().map(|(_, text)| text.lines()).collect();
        let mut lines = Vec::new();
        for (log, count, caller) in order {
            let log = log % rest.len();
            for line in rest[log].by_ref().filter(|line| !line.contains('\u{1b}')).take(count) {
                lines.push(match caller {
                    0 => line.to_owned(),
                    _ => format!("[    0.1][  T{log}] {}", dmasan_report::message(line)),
                });
            }
        }
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        check("mixed", &lines, &pauses)?;
    }
}

/// Where no line tells its caller, words of others within a report are passed on as far as they do
/// not look like its own.
#[test]
fn others_within_a_report_are_heard() {
    for name in [
        "rust-captured",
        "rust-frame-pointers-captured",
        "rust-origins",
    ] {
        let (_, text) = LOGS.iter().find(|(log, _)| log == name).expect("the log");
        let other = "[    9.9] usb 1-1: new device";
        let lines: Vec<&str> = text.lines().flat_map(|line| [line, other]).collect();
        let heard = stream(&lines, &[false]).lines;
        let count = heard.iter().filter(|line| *line == other).count();
        assert_eq!(count, lines.len() / 2, "{name}");
        let alone: Vec<&str> = text.lines().collect();
        // A ruler that is not right before its title is not known for one.
        let rest = |line: &&String| line != &other && !line.contains("====");
        let alone = stream(&alone, &[false]).lines;
        let [mixed, alone] = [&heard, &alone].map(|lines| lines.iter().filter(rest));
        assert!(mixed.eq(alone), "{name}: {heard:#?}");
    }
}

#[test]
fn of_a_whole_log_only_what_is_of_no_report_is_shown() {
    for (name, text) in LOGS.iter() {
        let lines: Vec<&str> = text.lines().collect();
        check(name, &lines, &[]).unwrap();
        let whole = Log::parse(&lines);
        let seen = stream(&lines, &[false]);
        let titles = |lines: &[String]| {
            let title = |line: &&String| line.contains("BUG: DMASAN: ");
            lines.iter().filter(title).count()
        };
        let cut = whole.reports.iter().filter(|report| report.truncated);
        let cut = cut.filter(|report| report.title.contains("BUG: DMASAN: "));
        assert_eq!(titles(&seen.lines), cut.count(), "{name}");
        if name.starts_with("rust-") && name.ends_with("-captured") {
            // Nobody wrote in between: every line of a report is known, its two rulers included.
            let hidden = lines.len() - seen.lines.len();
            let known = whole.reports.iter().map(|report| report.text.len() + 2);
            assert_eq!(hidden, known.sum::<usize>(), "{name}: {:#?}", seen.lines);
        }
    }
}

/// What is held back does not grow with the log.
#[test]
fn a_report_without_end_is_not_waited_for() {
    let mut stream = Stream::new();
    let (mut pushed, mut shown, mut most) = (0_usize, 0_usize, 0_usize);
    let callers = 0..80;
    let titles = callers
        .clone()
        .map(|caller| (caller, "BUG: DMASAN: freed-while-mapped"));
    let frames = (0..700).flat_map(|_| callers.clone().map(|caller| (caller, " f+0x1/0x2")));
    for (caller, text) in titles.chain(frames) {
        pushed += 1;
        let line = format!("[    0.1][  T{caller}] {text}");
        stream.push(&line, &mut |piece| {
            shown += usize::from(matches!(piece, Piece::Line(_)));
        });
        most = most.max(pushed - shown);
    }
    assert!(most <= 64 * 512, "{most}");
    stream.finish(&mut |piece| shown += usize::from(matches!(piece, Piece::Line(_))));
    assert_eq!(shown, pushed);
}
