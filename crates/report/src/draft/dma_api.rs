// SPDX-License-Identifier: Apache-2.0 OR MIT

//! A report of `DMA_API_DEBUG`.
//!
//! It is a kernel warning at a place in `kernel/dma/debug.c` with a message of its own,
//! `DMA-API: DRIVER DEVICE: what is wrong`, before or after the line that says `WARNING`. If the
//! mapping is known, `DMA-API: Mapped at:` and a stack follow the warning.

use super::body::{Body, Open};
use super::Step;
use crate::frame::{self, Frame};
use crate::kind::Kind;
use crate::mapping::Mapping;
use crate::report::{Implementation, Report};
use crate::scan;

const PREFIX: &str = "DMA-API: ";
const MAPPED_AT: &str = "Mapped at:";
/// How many foreign lines may come between the warning's end and the mapping's stack, or within
/// that.
const PATIENCE: u32 = 6;

#[derive(Debug)]
pub(crate) struct DmaApiDraft {
    pub(super) body: Body,
    said: bool,
    part: Part,
}

#[derive(Debug, PartialEq, Eq)]
enum Part {
    Warning,
    /// After its end, in a number of foreign lines.
    After(u32),
}

impl DmaApiDraft {
    /// Begins a report at the warning or at the message, whichever comes first.
    pub(super) fn open(text: &str, line: u64) -> Option<Self> {
        let message = Message::parse(text);
        if message.is_none() && !is_our_warning(text) {
            return None;
        }
        let mut draft = Self {
            body: Body::new(Implementation::DmaApi, Kind::DmaApiOther, text, line),
            said: false,
            part: Part::Warning,
        };
        if let Some(message) = message {
            draft.hear(&message);
        }
        Some(draft)
    }

    /// Whether a line that could open a report is the other of the two that open this one.
    pub(super) fn awaits(&self, text: &str) -> bool {
        let early = self.part == Part::Warning && self.body.report.stack.frames.is_empty();
        let other = if self.said {
            is_our_warning(text)
        } else {
            Message::parse(text).is_some()
        };
        early && other
    }

    fn hear(&mut self, message: &Message<'_>) {
        self.said = true;
        let report = &mut self.body.report;
        report.kind = message.kind();
        report.device = message.device.map(str::to_owned);
        report.driver = message.driver.map(str::to_owned);
        self.facts(message.text);
    }

    /// `[device address=0x…] [size=512 bytes]`, which may be on a line of their own.
    fn facts(&mut self, text: &str) {
        let report = &mut self.body.report;
        let not_mapped = text.contains("not allocated") || text.contains("invalid DMA memory");
        let Some(iova) = bracketed(text, "device address=").filter(|_| !not_mapped) else {
            return;
        };
        let sizes = ["map size=", "size=", "allocation size="];
        let size = sizes.iter().find_map(|label| bracketed(text, label));
        report.mappings = vec![Mapping {
            iova: scan::hex(iova),
            bytes: size.and_then(|size| size.strip_suffix(" bytes")?.parse().ok()),
            device: report.device.clone(),
            driver: report.driver.clone(),
            ..Mapping::default()
        }];
    }

    pub(super) fn step(&mut self, text: &str) -> Step {
        if let Some(message) = Message::parse(text) {
            self.hear(&message);
            self.body.report.title = text.to_owned();
        } else if let Part::After(foreign) = &mut self.part {
            if text.strip_prefix(PREFIX).unwrap_or(text) == MAPPED_AT {
                if self.body.report.mappings.is_empty() {
                    self.body.report.mappings.push(Mapping::default());
                }
                self.body.open = Open::Mapping;
            } else if self.body.open == Open::Mapping && Frame::parse(text).is_some() {
                *foreign = 0;
            } else {
                *foreign += 1;
                let other = frame::opens_trace(text) || text.starts_with("------------[");
                return if other || *foreign > PATIENCE {
                    Step::NotOurs
                } else {
                    Step::Foreign
                };
            }
        } else if text.starts_with("---[ end trace") {
            self.body.report.truncated = !self.said;
            self.part = Part::After(0);
            self.body.open = Open::Nothing;
        } else if text.starts_with("One of leaked entries") {
            self.facts(text);
        }
        self.body.take(text);
        Step::More
    }

    pub(super) fn close(self) -> Report {
        self.body.close()
    }
}

/// A warning of the file.
fn is_our_warning(text: &str) -> bool {
    text.starts_with("WARNING: ") && text.contains("kernel/dma/debug.c:")
}

/// What follows `LABEL` in brackets: `[LABEL…]`.
fn bracketed<'a>(text: &'a str, label: &str) -> Option<&'a str> {
    text.split('[')
        .find_map(|part| part.strip_prefix(label)?.split(']').next())
}

/// `DMA-API: DRIVER DEVICE: TEXT`
struct Message<'a> {
    driver: Option<&'a str>,
    device: Option<&'a str>,
    text: &'a str,
}

impl<'a> Message<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let rest = line.strip_prefix(PREFIX)?;
        if rest.starts_with("exceeded ") {
            return Some(Self {
                driver: None,
                device: None,
                text: rest,
            });
        }
        let (names, text) = rest.split_once(": ")?;
        let (driver, device) = names.rsplit_once(' ')?;
        let known = |name: &'a str| (name != "NULL").then_some(name);
        Some(Self {
            driver: known(driver),
            device: known(device),
            text,
        })
    }

    fn kind(&self) -> Kind {
        const PHRASES: [(&str, Kind); 11] = [
            ("has pending DMA allocations", Kind::DmaApiLeak),
            ("tries to free", Kind::DmaApiUnknownFree),
            ("device driver frees", Kind::DmaApiMismatchedFree),
            ("failed to check map error", Kind::DmaApiUncheckedError),
            ("to sync DMA memory", Kind::DmaApiWrongSync),
            ("device driver syncs", Kind::DmaApiWrongSync),
            ("maps memory from", Kind::DmaApiBadMemory),
            ("called for RAM address", Kind::DmaApiBadMemory),
            ("overlapping mappings", Kind::DmaApiOverlap),
            ("longer than device claims", Kind::DmaApiBadSegment),
            ("across boundary", Kind::DmaApiBadSegment),
        ];
        let known = |(phrase, _): &&(&str, Kind)| self.text.contains(phrase);
        let found = PHRASES.iter().find(known);
        found.map_or(Kind::DmaApiOther, |(_, kind)| *kind)
    }
}
