// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Frames of a call trace.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::scan::hex;

/// One frame of a stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// The function; a Rust name is demangled and without its hashes.
    pub function: String,
    /// The symbol as in the log, where that is not the function's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
    /// Where in the function, in bytes from its start; that is where a call returns to.
    pub offset: u64,
    /// The function's length in bytes, up to the next symbol.
    pub length: u64,
    /// The module; absent for the kernel itself.
    pub module: Option<String>,
    /// Whether the unwinder vouches for the frame.
    pub reliable: bool,
    /// Where that is in the source, as far as somebody has looked it up: the innermost function
    /// that the compiler inlined there first, the frame's own function last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub source: Vec<Source>,
    /// Why `source` is empty or not to be relied on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<String>,
}

/// A place in the source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The function that the compiler has put there.
    pub function: Option<String>,
    /// The file, within the kernel tree or the module's folder if that is known.
    pub file: String,
    /// The line, from 1.
    pub line: Option<u32>,
    /// The line itself, if the source is at hand.
    pub text: Option<String>,
}

/// `file:line`, or the file alone.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.file),
            None => f.write_str(&self.file),
        }
    }
}

/// What a line of a call trace is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// A frame.
    Frame(Frame),
    /// An unreliable frame at the very start of a function: no call returns there.
    NoReturn,
    /// Something else.
    Other,
}

impl Frame {
    /// The frame on a line of a call trace, or `None` if there is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match look(text) {
            Look::Frame(frame) => Some(frame),
            Look::NoReturn | Look::Other => None,
        }
    }

    /// The symbol as in the log.
    #[must_use]
    pub fn symbol(&self) -> &str {
        self.symbol.as_ref().unwrap_or(&self.function)
    }
}

/// `[? ]function+0xoff/0xlen[ [module]]`
impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let doubt = if self.reliable { "" } else { "? " };
        let Self {
            function,
            offset,
            length,
            ..
        } = self;
        write!(f, "{doubt}{function}+{offset:#x}/{length:#x}")?;
        match &self.module {
            Some(module) => write!(f, " [{module}]"),
            None => Ok(()),
        }
    }
}

/// What a line of a call trace is.
///
/// Takes the shapes of all architectures: ` f+0x1/0x2 [module]`, ` ? f+0x1/0x2`,
/// ` [<60012345>] f+0x1/0x2` (User-Mode Linux), ` f+0x1/0x2 (P)` (arm64), and
/// ` f+0x1/0x2 [module 0123abcd]` (with build ids).
pub(crate) fn look(text: &str) -> Look {
    let mut text = text.trim();
    let address = text.strip_prefix("[<");
    if let Some((_, rest)) = address.and_then(|rest| rest.split_once(">]")) {
        text = rest.trim_start();
    }
    let (reliable, text) = match text.strip_prefix("? ") {
        Some(rest) => (false, rest.trim_start()),
        None => (true, text),
    };
    let Some(Place {
        symbol,
        offset,
        length,
        rest,
    }) = Place::new(text)
    else {
        return Look::Other;
    };
    if !reliable && offset == 0 {
        return Look::NoReturn;
    }
    let function = format!("{:#}", rustc_demangle::demangle(symbol));
    let symbol = (function != symbol).then(|| symbol.to_owned());
    let module = rest.split_once('[').and_then(|(_, inside)| {
        let inside = inside.split_once(']')?.0;
        inside.split(' ').next().map(str::to_owned)
    });
    Look::Frame(Frame {
        function,
        symbol,
        offset,
        length,
        module,
        reliable,
        source: Vec::new(),
        doubt: None,
    })
}

/// `symbol+0xoff/0xlen rest`
struct Place<'a> {
    symbol: &'a str,
    offset: u64,
    length: u64,
    rest: &'a str,
}

impl<'a> Place<'a> {
    fn new(text: &'a str) -> Option<Self> {
        let (symbol, after) = text.split_at(text.rfind("+0x")?);
        let (numbers, rest) = after.split_once(' ').unwrap_or((after, ""));
        let (offset, length) = numbers.strip_prefix('+')?.split_once('/')?;
        // Only a name that somebody has demangled has blanks in it.
        let name = !symbol.is_empty()
            && (!symbol.contains(' ') || symbol.starts_with('<') || symbol.contains("::<"));
        Some(Self {
            symbol: name.then_some(symbol)?,
            offset: hex(offset)?,
            length: hex(length)?,
            rest,
        })
    }
}

/// Whether the line opens a call trace.
pub(crate) fn opens_trace(text: &str) -> bool {
    text.trim().eq_ignore_ascii_case("call trace:")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        Frame::parse(text).map(|frame| frame.to_string())
    }

    #[test]
    fn reads_the_shapes_of_all_architectures() {
        for (text, frame) in [
            (" f+0x1/0x2", "f+0x1/0x2"),
            (" ? f.cold+0x1/0x2 [zoo]", "? f.cold+0x1/0x2 [zoo]"),
            (" [<60012345>] ? f+0x1/0x2", "? f+0x1/0x2"),
            (" f+0x1/0x2 (P)", "f+0x1/0x2"),
            (" f+0x1/0x2 [zoo 0123abcd]", "f+0x1/0x2 [zoo]"),
            (" f+0x1/0x2 [zoo] (PT)", "f+0x1/0x2 [zoo]"),
        ] {
            assert_eq!(read(text).as_deref(), Some(frame), "{text}");
        }
    }

    #[test]
    fn demangles_rust_names_and_keeps_the_symbol() {
        let symbol = "_RNvNtCsfp1Bfc7BBCV_3zoo3p013bug";
        let frame = Frame::parse(&format!(" {symbol}+0x1/0x2 [zoo]")).unwrap();
        assert_eq!(frame.to_string(), "zoo::p01::bug+0x1/0x2 [zoo]");
        assert_eq!(frame.symbol(), symbol);
    }

    #[test]
    fn takes_names_that_somebody_has_demangled() {
        let text = "<zoo::Zoo as kernel::Module>::init+0x4ef/0x850 [zoo]";
        assert_eq!(read(text).as_deref(), Some(text));
    }

    #[test]
    fn leaves_other_lines_alone() {
        for text in [
            " <TASK>",
            "RIP: 0033:0x7f",
            "RIP: 0010:f+0x1/0x2",
            "WARNING: a.c:93 at f+0x1/0x2",
            "a+b",
            "x+0x1",
            "Stack:",
            " 60a 0",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
