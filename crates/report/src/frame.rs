// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Frames of a call trace.

use crate::scan::hex;

/// What a line of a call trace is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// A frame in a uniform shape: `[? ]function+0xoff/0xlen[ [module]]`.
    Frame(String),
    /// An unreliable frame at the very start of a function: no call returns there.
    NoReturn,
    /// Something else.
    Other,
}

/// The frame on a line of a call trace, or `None` if there is none.
pub(crate) fn parse(text: &str) -> Option<String> {
    match look(text) {
        Look::Frame(frame) => Some(frame),
        Look::NoReturn | Look::Other => None,
    }
}

/// What a line of a call trace is.
///
/// Takes the shapes of all architectures: ` f+0x1/0x2 [module]`, ` ? f+0x1/0x2`,
/// ` [<60012345>] f+0x1/0x2` (User-Mode Linux), ` f+0x1/0x2 (P)` (arm64).
/// Rust names come back demangled and without their hashes.
pub(crate) fn look(text: &str) -> Look {
    let mut text = text.trim();
    let address = text.strip_prefix("[<");
    if let Some((_, rest)) = address.and_then(|rest| rest.split_once(">]")) {
        text = rest.trim_start();
    }
    let (doubt, text) = match text.strip_prefix("? ") {
        Some(rest) => ("? ", rest.trim_start()),
        None => ("", text),
    };
    let (place, rest) = text.split_once(' ').unwrap_or((text, ""));
    let Some((name, offset, length)) = split_place(place) else {
        return Look::Other;
    };
    if !doubt.is_empty() && hex(offset) == Some(0) {
        return Look::NoReturn;
    }
    let name = format!("{:#}", rustc_demangle::demangle(name));
    let module = rest
        .split(' ')
        .find(|word| word.starts_with('[') && word.ends_with(']'));
    let module = module
        .map(|module| format!(" {module}"))
        .unwrap_or_default();
    Look::Frame(format!("{doubt}{name}+{offset}/{length}{module}"))
}

/// `name+0xoff/0xlen`
fn split_place(place: &str) -> Option<(&str, &str, &str)> {
    let (name, offset) = place.rsplit_once('+')?;
    let (offset, length) = offset.split_once('/')?;
    let frame = !name.is_empty() && hex(offset).is_some() && hex(length).is_some();
    frame.then_some((name, offset, length))
}

/// Whether the line opens a call trace.
pub(crate) fn opens_trace(text: &str) -> bool {
    text.trim().eq_ignore_ascii_case("call trace:")
}

/// Whether the line belongs to the page owner's dump, whose stacks are not the report's own.
pub(crate) fn is_owner_line(text: &str) -> bool {
    const STARTS: [&str; 5] = [
        "page_owner ",
        "page last allocated ",
        "page last free ",
        "page has been migrated",
        "There is not page extension",
    ];
    STARTS.iter().any(|start| text.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_shapes_of_all_architectures() {
        for (text, frame) in [
            (" f+0x1/0x2", "f+0x1/0x2"),
            (" ? f.cold+0x1/0x2 [zoo]", "? f.cold+0x1/0x2 [zoo]"),
            (" [<60012345>] ? f+0x1/0x2", "? f+0x1/0x2"),
            (" f+0x1/0x2 (P)", "f+0x1/0x2"),
            (" f+0x1/0x2 [zoo 0123abcd]", "f+0x1/0x2"),
        ] {
            assert_eq!(parse(text).as_deref(), Some(frame), "{text}");
        }
    }

    #[test]
    fn demangles_rust_names() {
        let frame = parse(" _RNvNtCsfp1Bfc7BBCV_3zoo3p013bug+0x1/0x2 [zoo]");
        assert_eq!(frame.as_deref(), Some("zoo::p01::bug+0x1/0x2 [zoo]"));
    }

    #[test]
    fn leaves_other_lines_alone() {
        for text in [
            " <TASK>",
            "RIP: 0033:0x7f",
            "a+b",
            "x+0x1",
            "Stack:",
            " 60a 0",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
