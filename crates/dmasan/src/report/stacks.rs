// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Stacks for people: the frames that are worth reading, and where in the source they are.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use dmasan_report::{Frame, Report, Role, Source, Stack};

use super::text::{capitalized, styled, FAINT, LABEL};

const PLACE: Style = AnsiColor::Cyan.on_default();
const SOURCE: Style = AnsiColor::Yellow.on_default();

/// Frames of a stack that the unwinder does not vouch for; more of them are noise.
const MOST_UNRELIABLE: usize = 16;
/// Where places in the source begin, if the function leaves room.
const COLUMN: usize = 50;

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

/// A stack of a report, with its headline.
pub(super) fn stack_text(report: &Report, role: Role, stack: &Stack) -> String {
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
