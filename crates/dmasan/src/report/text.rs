// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What people read: one bug after the other, in colours on a terminal.

use std::fmt::Write as _;
use std::io::Write as _;

use anstyle::{AnsiColor, Style};
use anyhow::Context;
use dmasan_report::{Bug, Frame, Kind, Report, Role, Source, Stack};

use super::findings::{headline, occurrences, writer, Findings};

const BAD: Style = AnsiColor::Red.on_default().bold();
const LABEL: Style = Style::new().bold();
const PLACE: Style = AnsiColor::Cyan.on_default();
const SOURCE: Style = AnsiColor::Yellow.on_default();
const FAINT: Style = Style::new().dimmed();

/// Frames of a stack that the unwinder does not vouch for; more of them are noise.
const MOST_UNRELIABLE: usize = 16;
/// How wide sentences are.
const WIDTH: usize = 96;
/// Where places in the source begin, if the function leaves room.
const COLUMN: usize = 50;

/// Prints everything; colours only on a terminal that wants them.
pub(super) fn print(findings: &Findings) -> anyhow::Result<()> {
    let mut out = anstream::stdout().lock();
    out.write_all(page(findings).as_bytes())
        .context("cannot write to standard output")
}

/// The whole output, with colours.
fn page(findings: &Findings) -> String {
    let mut page = String::new();
    for (index, bug) in findings.bugs.iter().enumerate() {
        page.push_str(&entry(index + 1, bug));
        page.push('\n');
    }
    page.push_str(&format!("{}: {}\n", findings.log, findings.summary()));
    for hint in &findings.hints {
        page.push_str(&styled(FAINT, &format!("hint: {hint}\n")));
    }
    page
}

fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

fn entry(number: usize, bug: &Bug) -> String {
    let report = &bug.report;
    let mut out = String::new();
    let mut line = |text: String| {
        out.push_str(text.trim_end());
        out.push('\n');
    };
    line(format!("{number}. {}", styled(BAD, &headline(bug))));
    let release = report.kernel.as_ref().map(|r| format!(", Linux {r}"));
    line(styled(
        FAINT,
        &format!(
            "   {}; from {}{}",
            occurrences(bug),
            writer(report),
            release.unwrap_or_default()
        ),
    ));
    line(String::new());
    for text in [report.kind.meaning(), report.kind.remedy()] {
        wrapped(text).into_iter().for_each(&mut line);
    }
    let facts = facts(report);
    if !facts.is_empty() {
        line(String::new());
    }
    for (label, fact) in facts {
        line(format!(
            "   {} {fact}",
            styled(LABEL, &format!("{label:<8}"))
        ));
    }
    for (role, stack) in report.stacks() {
        if is_worth_showing(report, role) {
            line(String::new());
            line(stack_text(report, role, stack));
        }
    }
    out
}

/// The facts of a report that are not stacks.
pub(super) fn facts(report: &Report) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if report.truncated {
        facts.push(("note", "the report is cut off in the log".to_owned()));
    }
    if report.implementation == dmasan_report::Implementation::DmaApi {
        facts.push(("message", report.title.clone()));
    }
    // The text form has one fact a line, each with its label.
    for line in report.to_string().lines().skip(1) {
        let Some((label, fact)) = line.strip_prefix("  ").and_then(|l| l.split_once(' ')) else {
            continue;
        };
        let label = match label {
            "page" => "page",
            "total" => "total",
            "mapped" => "pages",
            "more" => "more",
            "mapping" => "mapping",
            // Frames come below, in another form.
            _ => continue,
        };
        facts.push((label, fact.trim_start().to_owned()));
    }
    if let (true, Some(device)) = (report.mappings.is_empty(), &report.device) {
        let driver = report.driver.as_ref().map(|d| format!(", driver {d}"));
        facts.push(("device", format!("{device}{}", driver.unwrap_or_default())));
    }
    facts
}

/// The page owner tells what the report itself tells better: where the page was just freed.
pub(super) fn is_worth_showing(report: &Report, role: Role) -> bool {
    let just_freed = matches!(report.kind, Kind::FreedWhileMapped | Kind::StillMapped);
    let just_allocated = report.kind == Kind::AllocatedWhileMapped;
    !(role == Role::Freed && just_freed || role == Role::Allocated && just_allocated)
}

/// The frames of a stack to show, and how many are left out.
pub(super) fn shown(stack: &Stack) -> (Vec<&Frame>, usize) {
    let frames: Vec<&Frame> = stack.readable().collect();
    let reliable = frames.iter().all(|frame| frame.reliable);
    let most = if reliable {
        frames.len()
    } else {
        MOST_UNRELIABLE
    };
    let more = frames.len().saturating_sub(most);
    (frames.into_iter().take(most).collect(), more)
}

fn stack_text(report: &Report, role: Role, stack: &Stack) -> String {
    let mut out = String::new();
    let title = report.headline(role);
    let who = stack.by.as_ref().map(|who| format!(" by {who}"));
    let who = who.unwrap_or_default();
    // Strings take whatever is written to them.
    let _ = writeln!(out, "   {}{who}", styled(LABEL, &capitalized(title)));
    let (frames, more) = shown(stack);
    let guilty = stack.guilty();
    for frame in frames {
        let is_guilty = guilty.is_some_and(|guilty| std::ptr::eq(guilty, frame));
        out.push_str(&frame_text(frame, is_guilty));
    }
    if more > 0 {
        let _ = writeln!(out, "     {}", styled(FAINT, &format!("… {more} more")));
    }
    out
}

fn frame_text(frame: &Frame, guilty: bool) -> String {
    let mut out = String::new();
    let (own, inlined) = match frame.source.split_last() {
        Some((own, inlined)) => (Some(own), inlined),
        None => (None, &[][..]),
    };
    for source in inlined {
        let name = source.function.as_deref().unwrap_or("?");
        out.push_str(&row(
            "  ",
            &format!("{name} (inlined)"),
            Some(source),
            FAINT,
        ));
        out.push_str(&source_text(source, guilty));
    }
    let (mark, style) = match guilty {
        true => ("> ", LABEL),
        false if frame.is_innocent() => ("  ", FAINT),
        false => ("  ", Style::new()),
    };
    out.push_str(&row(mark, &frame.to_string(), own, style));
    if let Some(doubt) = &frame.doubt {
        let _ = writeln!(out, "         {}", styled(FAINT, &format!("({doubt})")));
    }
    out.push_str(&own.map_or_else(String::new, |own| source_text(own, guilty)));
    out
}

/// The line itself, where it is of interest.
fn source_text(source: &Source, guilty: bool) -> String {
    match source {
        Source {
            line: Some(number),
            text: Some(text),
            ..
        } if guilty => format!("         {number:>5} | {}\n", styled(SOURCE, text)),
        _ => String::new(),
    }
}

fn row(mark: &str, name: &str, place: Option<&Source>, style: Style) -> String {
    let pad = COLUMN.saturating_sub(name.chars().count()).max(2);
    let name = styled(style, name);
    match place {
        Some(place) => {
            let place = styled(PLACE, &place.to_string());
            format!("     {mark}{name}{:pad$}{place}\n", "")
        }
        None => format!("     {mark}{name}\n"),
    }
}

/// A sentence in lines that are easy to read.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(format!("   {word}")),
        }
    }
    lines
}

pub(super) fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}
