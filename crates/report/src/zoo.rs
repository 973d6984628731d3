// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The lines by which the zoo's cases announce themselves.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::line::Line;
use crate::pfn::PfnRange;
use crate::scan;

/// The modules whose cases announce themselves, as the kernel log has them before each line.
const MODULES: [&str; 2] = ["zoo: ", "edu: "];

/// Which of a pattern's two drivers runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Variant {
    /// The one with the bug.
    Bug,
    /// The correct one.
    Twin,
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bug => "bug",
            Self::Twin => "twin",
        })
    }
}

/// What a case says should follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// A report that names these pages.
    Report(PfnRange),
    /// No report.
    Silent,
}

/// What a marker says about its case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It starts.
    Begin,
    /// What should follow.
    Expect(Expectation),
    /// So many bytes of somebody else's page have been written over by the device.
    Overwritten(u64),
    /// It could not run, and why.
    Failed(String),
    /// It is over, cleaned up and all.
    End,
}

/// A line `zoo: p01 bug amdv1: EVENT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    /// The number of the pattern.
    pub case: u32,
    /// Bug or twin.
    pub variant: Variant,
    /// The page-table format that it runs on.
    pub format: String,
    /// What happens.
    pub event: Event,
}

impl Marker {
    /// The marker on a console line, if it is one.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let text = Line::new(line).text;
        let mut parts = MODULES
            .iter()
            .find_map(|module| text.strip_prefix(module))?
            .splitn(2, ": ");
        let mut words = parts.next()?.split(' ');
        let case = words.next()?.strip_prefix('p')?.parse().ok()?;
        let variant = match words.next()? {
            "bug" => Variant::Bug,
            "twin" => Variant::Twin,
            _ => return None,
        };
        let format = words.next()?.to_owned();
        let event = parse_event(parts.next()?)?;
        words.next().is_none().then_some(Self {
            case,
            variant,
            format,
            event,
        })
    }
}

fn parse_event(text: &str) -> Option<Event> {
    Some(match text {
        "begin" => Event::Begin,
        "end" => Event::End,
        "expect silent" => Event::Expect(Expectation::Silent),
        _ => {
            if let Some(pfns) = text.strip_prefix("expect report pfn ") {
                let (first, last) = scan::pfns(pfns)?;
                Event::Expect(Expectation::Report(PfnRange::new(first, last)?))
            } else if let Some(bytes) = text.strip_prefix("overwritten ") {
                Event::Overwritten(bytes.strip_suffix(" bytes")?.parse().ok()?)
            } else {
                Event::Failed(text.strip_prefix("failed: ")?.to_owned())
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pfn::Pfn;

    #[test]
    fn reads_every_event() {
        let event = |text: &str| {
            let line = format!("[    0.5][   T17] zoo: p01 bug amdv1: {text}\r");
            let marker = Marker::parse(&line)?;
            assert_eq!((marker.case, marker.variant), (1, Variant::Bug));
            assert_eq!(marker.format, "amdv1");
            Some(marker.event)
        };
        let pages =
            |a, b| Event::Expect(Expectation::Report(PfnRange::new(Pfn(a), Pfn(b)).unwrap()));
        assert_eq!(event("begin"), Some(Event::Begin));
        assert_eq!(event("end"), Some(Event::End));
        assert_eq!(
            event("expect silent"),
            Some(Event::Expect(Expectation::Silent))
        );
        assert_eq!(event("expect report pfn 0x10"), Some(pages(0x10, 0x10)));
        assert_eq!(
            event("expect report pfn 0x10-0x1f"),
            Some(pages(0x10, 0x1f))
        );
        assert_eq!(
            event("overwritten 4096 bytes"),
            Some(Event::Overwritten(4096))
        );
        assert_eq!(event("overwritten many bytes"), None);
        assert_eq!(
            event("failed: ENOMEM: no"),
            Some(Event::Failed("ENOMEM: no".to_owned()))
        );
        assert_eq!(event("expect report pfn 0x1f-0x10"), None);
        assert_eq!(event("hello"), None);
    }

    #[test]
    fn reads_the_drivers_of_a_device() {
        let marker = Marker::parse("edu: p01 bug edu: begin").unwrap();
        assert_eq!(
            (marker.format.as_str(), marker.event),
            ("edu", Event::Begin)
        );
    }

    #[test]
    fn is_not_taken_in_by_look_alikes() {
        for line in [
            "zoo: loading",
            "zoo: p1 maybe amdv1: begin",
            "zoo: p1 bug: begin",
            "zoo",
        ] {
            assert_eq!(Marker::parse(line), None, "{line}");
        }
    }
}
