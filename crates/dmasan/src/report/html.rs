// SPDX-License-Identifier: Apache-2.0 OR MIT

//! One page that needs nothing else, for a bug report or a colleague.

use dmasan_report::{Bug, Frame, MappedRun, Page, Report, Source};
use maud::{html, Markup, PreEscaped, DOCTYPE};

use super::findings::{headline, occurrences, writer, Findings};
use super::stacks::shown;
use super::text::{capitalized, facts, is_worth_showing};

const STYLE: &str = include_str!("style.css");

/// The drawing's width, in its own units.
const WIDTH: f64 = 1000.0;
/// What is narrower would not be seen.
const NARROWEST: f64 = 3.0;

/// The whole page.
pub(super) fn page(findings: &Findings) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "DMA reports: " (findings.log) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { "DMA reports" }
                    p { code { (findings.log) } ": " (findings.summary()) }
                }
                main {
                    @if findings.bugs.len() > 1 { (contents(findings)) }
                    @for (index, bug) in findings.bugs.iter().enumerate() { (entry(index + 1, bug)) }
                    @if findings.bugs.is_empty() { p.good { "No reports." } }
                    @if !findings.hints.is_empty() {
                        section.hints {
                            h2 { "Hints" }
                            ul { @for hint in &findings.hints { li { (hint) } } }
                        }
                    }
                }
            }
        }
    }
}

fn contents(findings: &Findings) -> Markup {
    html! {
        nav { ol {
            @for (index, bug) in findings.bugs.iter().enumerate() {
                li { a href={ "#bug-" (index + 1) } { (headline(bug)) } " " span.count { (bug.count) "×" } }
            }
        } }
    }
}

fn entry(number: usize, bug: &Bug) -> Markup {
    let report = &bug.report;
    html! {
        article id={ "bug-" (number) } {
            h2 { span.kind { (report.kind) }
                @if let Some(culprit) = &bug.culprit {
                    " in " code { (culprit.function) }
                    @if let Some(module) = &culprit.module { " " span.module { (module) } }
                }
            }
            p.about { (occurrences(bug)) "; from " (writer(report))
                @if let Some(release) = &report.kernel { ", Linux " (release) } }
            p { (report.kind.meaning()) }
            p.remedy { (report.kind.remedy()) }
            (drawing(report))
            dl { @for (label, fact) in facts(report) { dt { (label) } dd { (fact) } } }
            @for (role, stack) in report.stacks().filter(|(role, _)| is_worth_showing(report, *role)) {
                section.stack {
                    h3 { (capitalized(report.headline(role)))
                        @if let Some(who) = &stack.by { span.who { " by " (who) } } }
                    @let (frames, more) = shown(stack);
                    @let guilty = stack.guilty();
                    ol.frames {
                        @for frame in frames {
                            (row(frame, guilty.is_some_and(|guilty| std::ptr::eq(guilty, frame))))
                        }
                        @if more > 0 { li.innocent { "… " (more) " more" } }
                    }
                }
            }
            details { summary { "The report as in the log" }
                pre { @for line in report.readable() { (line) "\n" } } }
        }
    }
}

fn row(frame: &Frame, guilty: bool) -> Markup {
    let inlined = frame
        .source
        .split_last()
        .map_or(&[][..], |(_, inlined)| inlined);
    let class = match guilty {
        true => "guilty",
        false if frame.is_innocent() => "innocent",
        false => "",
    };
    html! {
        @for source in inlined {
            li.innocent {
                code { (source.function.as_deref().unwrap_or("?")) } " inlined " (place(source))
                (source_text(source, guilty))
            }
        }
        li class=(class) {
            code { (frame) } " "
            @if let Some(source) = frame.source.last() { (place(source)) }
            @if let Some(doubt) = &frame.doubt { " " em { (doubt) } }
            @if let Some(source) = frame.source.last() { (source_text(source, guilty)) }
        }
    }
}

/// The line itself, where it is of interest.
fn source_text(source: &Source, guilty: bool) -> Markup {
    html! {
        @if let (true, Some(line), Some(text)) = (guilty, source.line, &source.text) {
            pre.source { span.number { (line) } (text) }
        }
    }
}

fn place(source: &Source) -> Markup {
    html! { span.place { (source) } }
}

/// The runs within the block of pages, or within what they span, to scale.
fn drawing(report: &Report) -> Markup {
    let runs = &report.runs;
    let Some((first, pages)) = extent(report.page, runs) else {
        return html! {};
    };
    let marked = runs
        .iter()
        .fold(0_u64, |sum, run| sum.saturating_add(run.pages));
    if marked >= pages {
        // There would be one colour.
        return html! {};
    }
    let at = |pfn: u64| (pfn.saturating_sub(first)) as f64 / pages as f64 * WIDTH;
    let label = format!("{pages} pages from pfn {first:#x}, of which the marked ones are mapped");
    html! {
        figure {
            svg viewBox={ "0 0 " (WIDTH) " 40" } preserveAspectRatio="none" role="img" aria-label=(label) {
                rect.block x="0" y="0" width=(WIDTH) height="40" {}
                @for run in runs {
                    @let width = (run.pages as f64 / pages as f64 * WIDTH).max(NARROWEST);
                    @let x = at(run.first_pfn.0).min(WIDTH - width);
                    rect.run x=(format!("{x:.2}")) y="0" width=(format!("{width:.2}")) height="40" {
                        title { "pfn " (run.first_pfn) "-" (run.last_pfn) ", " (run.pages) " pages" }
                    }
                }
                // Pages can be told apart in small blocks only.
                @if (2..=64).contains(&pages) {
                    @for page in 1..pages {
                        line x1=(at(first + page)) x2=(at(first + page)) y1="0" y2="40" {}
                    }
                }
            }
            figcaption {
                span { (format!("pfn {first:#x}")) }
                span { (format!("{:#x}", first.saturating_add(pages - 1))) }
            }
        }
    }
}

/// The first page of a drawing and how many there are.
fn extent(page: Option<Page>, runs: &[MappedRun]) -> Option<(u64, u64)> {
    let sane = runs.iter().all(|run| run.range().is_some());
    let first = runs.iter().map(|run| run.first_pfn.0).min()?;
    let last = runs.iter().map(|run| run.last_pfn.0).max()?;
    if !sane {
        return None;
    }
    match page {
        Some(page) if page.order < 52 && page.pfn.0 <= first => {
            let pages = (1_u64 << page.order).max(last.checked_sub(page.pfn.0)?.checked_add(1)?);
            Some((page.pfn.0, pages))
        }
        _ => Some((first, last.checked_sub(first)?.checked_add(1)?)),
    }
}
