// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Rules of the accounting, and the types that they speak in.
//!
//! For a CPU page P, count(P) is the number of live IOMMU translations, in IOMMU granules, that
//! overlap P, over all domains.
//!
//! | event | what happens to count(P) | when |
//! |---|---|---|
//! | map | up by the granules of the run in P | before the translation can be used |
//! | failed or partial map | back down for what was not mapped | after the driver returned |
//! | unmap | down by the granules that went | after they are gone |
//! | end of a domain | down by whatever is still live | before the table is torn down |
//! | P is allocated or freed | none; a count that is not zero is a bug | |
//!
//! A reader of a count may see it too small while a map or an unmap of the same page is running,
//! and never too large after the unmap has returned. That makes false alarms impossible, and lets
//! every operation be lock-free: if the unmap happens before the check, as it does in every correct
//! driver, coherence of single words alone makes the check see what was taken away.
//!
//! A count is spread over a few words, one for the page and one for each larger block around it
//! ([`Shape`]), so that the cost of a run follows the number of blocks that it is made of.

mod addr;
mod block;
mod cell;
mod census;
mod chain;
mod granule;
mod inspect;
mod ledger;
mod marks;
mod merge;
mod overflow;
mod overwrite;
mod pending;
mod place;
mod run;
mod settle;
mod shape;
mod spans;
mod store;

pub use addr::{PageRange, PageShift, Pfn, PhysAddr};
pub use cell::Cell;
pub use chain::Count;
pub use granule::Granule;
pub use inspect::Verdict;
pub use ledger::Ledger;
pub use merge::Merger;
pub use overwrite::{Lost, PendingMap};
pub use pending::{PendingUnmap, Unit};
pub use place::Place;
pub use run::{Run, Stretch};
pub use shape::Shape;
pub use spans::{Findings, Span, Spans};
pub use store::{Hole, Section, Store, Words};
