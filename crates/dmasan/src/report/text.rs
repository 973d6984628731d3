// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What people read: one bug after the other, in colours on a terminal.

use anstyle::{AnsiColor, Style};
use dmasan_report::{Bug, Frame, Kind, Report, Role, Stack};

use super::findings::{headline, occurrences, writer, Findings};
use super::stacks::stack_text;
use crate::setup::print_styled;

const BAD: Style = AnsiColor::Red.on_default().bold();
pub(super) const LABEL: Style = Style::new().bold();
pub(super) const FAINT: Style = Style::new().dimmed();

/// How wide sentences are.
const WIDTH: usize = 96;

/// Prints everything; colours only on a terminal that wants them.
pub(super) fn print(findings: &Findings) -> anyhow::Result<()> {
    print_styled(&page(findings))
}

/// The whole output, with colours.
fn page(findings: &Findings) -> String {
    let mut page = String::new();
    for (index, bug) in findings.bugs.iter().enumerate() {
        page.push_str(&entry(index + 1, bug));
        page.push('\n');
    }
    page.push_str(&format!("{}: {}\n", findings.log, findings.summary()));
    page.push_str(&hints(&findings.hints));
    page
}

/// What would tell more, a line each.
pub(crate) fn hints(hints: &[String]) -> String {
    let line = |hint: &String| styled(FAINT, &format!("hint: {hint}\n"));
    hints.iter().map(line).collect()
}

pub(super) fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// A bug: what is wrong, what mends it, and the report that tells most of it.
pub(crate) fn entry(number: usize, bug: &Bug) -> String {
    let report = &bug.report;
    let release = report.kernel.as_ref().map(|r| format!(", Linux {r}"));
    let from = format!("; from {}{}", writer(report), release.unwrap_or_default());
    let mut out = Page::default();
    out.line(&format!("{number}. {}", styled(BAD, &headline(bug))));
    out.line(&styled(FAINT, &format!("   {}{from}", occurrences(bug))));
    out.line("");
    for text in [report.kind.meaning(), report.kind.remedy()] {
        wrapped(text).iter().for_each(|text| out.line(text));
    }
    out.facts(report);
    for (role, stack) in report.stacks() {
        if is_worth_showing(report, role) {
            out.line("");
            out.line(&stack_text(report, role, stack));
        }
    }
    out.text
}

/// One more report of a bug that was told before: what is different this time.
pub(crate) fn again(number: usize, bug: &Bug, report: &Report) -> String {
    let is_known = |(role, stack): &(Role, &Stack)| {
        let mut before = bug.report.stacks().filter(|(of, _)| of == role);
        before.any(|(_, before)| is_same_way(before, stack))
    };
    let stacks = report.stacks();
    let stacks = stacks.filter(|(role, _)| is_worth_showing(report, *role));
    let (known, new): (Vec<_>, Vec<_>) = stacks.partition(is_known);
    let left_out = match (known.len(), new.len()) {
        (0, _) => "",
        (_, 0) => "; stacks as before",
        _ => "; other stacks as before",
    };
    let place = format!(
        "report {} of it, at line {}{left_out}",
        bug.count, report.line
    );
    let mut out = Page::default();
    out.line(&format!("{number}. {}, again", styled(BAD, &headline(bug))));
    out.line(&styled(FAINT, &format!("   {place}")));
    out.facts(report);
    for (role, stack) in new {
        out.line("");
        out.line(&stack_text(report, role, stack));
    }
    out.text
}

/// Whether two stacks tell the same; of frames that the unwinder does not vouch for, most differ
/// by chance.
fn is_same_way(a: &Stack, b: &Stack) -> bool {
    let place = |frame: &Frame| (frame.function.clone(), frame.module.clone(), frame.offset);
    let frames = |stack: &Stack| stack.readable().map(place).collect::<Vec<_>>();
    let reliable = |stack: &Stack| stack.readable().all(|frame| frame.reliable);
    if reliable(a) && reliable(b) {
        return frames(a) == frames(b);
    }
    a.guilty().map(place) == b.guilty().map(place)
}

/// Text in lines.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn line(&mut self, text: &str) {
        self.text.push_str(text.trim_end());
        self.text.push('\n');
    }

    fn facts(&mut self, report: &Report) {
        let facts = facts(report);
        if !facts.is_empty() {
            self.line("");
        }
        for (label, fact) in facts {
            let label = styled(LABEL, &format!("{label:<8}"));
            self.line(&format!("   {label} {fact}"));
        }
    }
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
    let oversized = |line: &String| Some(line.strip_prefix("oversized: ")?.to_owned());
    if let Some(sizes) = report.text.iter().find_map(oversized) {
        facts.push(("unmap", sizes));
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
