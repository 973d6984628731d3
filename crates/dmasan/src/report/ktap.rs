// SPDX-License-Identifier: Apache-2.0 OR MIT

//! KTAP, version 1: a test that fails for every bug, or one that passes.

use dmasan_report::Bug;

use super::findings::{headline, occurrences, Findings};
use super::stacks::shown;
use super::text::facts;

/// The whole output, without its last newline.
pub(super) fn page(findings: &Findings) -> String {
    let mut lines = vec!["KTAP version 1".to_owned()];
    if findings.bugs.is_empty() {
        lines.push("1..1".to_owned());
        lines.push(format!("ok 1 no DMA reports in {}", name(&findings.log)));
    } else {
        lines.push(format!("1..{}", findings.bugs.len()));
        for (index, bug) in findings.bugs.iter().enumerate() {
            lines.extend(diagnosis(bug).iter().map(|text| format!("# {text}")));
            lines.push(format!("not ok {} {}", index + 1, name(&headline(bug))));
        }
    }
    lines.extend(findings.hints.iter().map(|hint| format!("# hint: {hint}")));
    lines.join("\n")
}

/// A test's name: `#` would begin a directive.
fn name(text: &str) -> String {
    text.replace('#', "_").replace(['\n', '\r'], " ")
}

fn diagnosis(bug: &Bug) -> Vec<String> {
    let report = &bug.report;
    let mut lines = vec![
        occurrences(bug),
        report.kind.meaning().to_owned(),
        report.kind.remedy().to_owned(),
    ];
    lines.extend(
        facts(report)
            .iter()
            .map(|(label, fact)| format!("{label}: {fact}")),
    );
    for (role, stack) in report.stacks() {
        let who = stack.by.as_ref().map(|who| format!(" by {who}"));
        lines.push(format!(
            "{}{}:",
            report.headline(role),
            who.unwrap_or_default()
        ));
        for frame in shown(stack).0 {
            let source = frame.source.last().map(|source| format!(" ({source})"));
            lines.push(format!("  {frame}{}", source.unwrap_or_default()));
        }
    }
    lines
}
