// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Sanitizer reports as types, and the parser that finds them in a kernel log.
//!
//! A [`Report`] has two stable forms: JSON (its serde form) and text (its
//! `Display` form). Both are the same for the two implementations of the
//! sanitizer, although the C one knows less: its reports name no page.
//!
//! A [`Parser`] takes one console line at a time (a [`Stream`] also hands the lines back that are
//! of no report) and is content with whatever a
//! console does to a log: timestamps, caller ids, carriage returns, lines of
//! somebody else in between, a cut in the middle. A [`Log`] runs the parser and
//! also collects the markers by which the zoo's cases delimit themselves, so
//! that a report can be put down to the case that caused it.
//!
//! ```
//! use dmasan_report::{Kind, Log};
//!
//! let log = Log::parse([
//!     "[    0.10] BUG: DMASAN: freed-while-mapped",
//!     "[    0.10] page: pfn 0x1a2b0, phys 0x1a2b0000, order 4",
//!     "[    0.10] mapped: pfn 0x1a2b5-0x1a2b5, 1 page, 1 translation",
//!     "[    0.10] ================================",
//! ]);
//! assert_eq!(log.reports[0].kind, Kind::FreedWhileMapped);
//! ```

mod bug;
mod culprit;
mod draft;
mod explain;
mod frame;
mod kind;
mod line;
mod log;
mod mapping;
mod owner;
mod parser;
mod pfn;
mod report;
mod scan;
mod show;
mod stack;
mod stream;
mod window;
mod zoo;

pub use bug::{Bug, Bugs};
pub use culprit::Culprit;
pub use frame::{Frame, Source};
pub use kind::Kind;
pub use line::message;
pub use log::Log;
pub use mapping::{Domain, Mapping};
pub use parser::{Heard, Parser};
pub use pfn::{Pfn, PfnRange};
pub use report::{Implementation, MappedRun, More, Page, Report, Total};
pub use stack::{Role, Stack, Who};
pub use stream::{Piece, Stream};
pub use window::{Ending, Expected, Window, Windows};
pub use zoo::{Event, Expectation, Marker, Variant};
