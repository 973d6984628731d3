//! Short ways to say what the tests of the ledger say often.

use dmasan_engine::{
    Findings, Granule, Ledger, PageRange, PageShift, Pfn, PhysAddr, Run, Span, Spans, Store,
    Verdict,
};

use super::cell::HostCell;
use super::store::HostStore;
use super::table::Table;

pub(crate) const K4: u64 = 4 << 10;
pub(crate) const K64: u64 = 64 << 10;
pub(crate) const M2: u64 = 2 << 20;
/// Pages of 4K in sections of 512, so that a section is 2M.
pub(crate) const PAGE: PageShift = PageShift(12);
pub(crate) const SECTION: u64 = 512;

pub(crate) fn machine(online: impl IntoIterator<Item = u64>) -> HostStore<HostCell> {
    HostStore::new(PAGE, SECTION, online)
}

pub(crate) fn granule(bytes: u64) -> Granule {
    Granule::from_bitmap(bytes).expect("not zero")
}

pub(crate) fn run(phys: u64, len: u64) -> Run {
    Run::new(PhysAddr(phys), len).expect("a run")
}

pub(crate) fn pages(first: u64, count: u64) -> PageRange {
    PageRange::from_count(Pfn(first), count).expect("pages")
}

pub(crate) fn translations<S: Store>(ledger: &Ledger<'_, S>, pfn: u64) -> Option<u32> {
    ledger.count(Pfn(pfn)).map(|count| count.translations())
}

/// Spans as `(first, last, translations)`.
pub(crate) fn told(spans: &Spans) -> Vec<(u64, u64, u64)> {
    let tell = |span: &Span| (span.first.0, span.last.0, span.translations);
    spans.kept().iter().map(tell).collect()
}

/// A map of the whole run, and what has become saturated.
pub(crate) fn map<S: Store>(ledger: &Ledger<'_, S>, run: Run, granule: Granule) -> Spans {
    let mut saturated = Findings::new();
    ledger.map_begin(run, granule, &mut saturated);
    saturated.spans().cloned().unwrap_or_default()
}

/// The end of a map, and what was not there to be taken back.
pub(crate) fn map_end<S: Store>(
    ledger: &Ledger<'_, S>,
    run: Run,
    mapped: u64,
    granule: Granule,
) -> Spans {
    let mut underflow = Findings::new();
    ledger.map_end(run, mapped, granule, &mut underflow);
    underflow.spans().cloned().unwrap_or_default()
}

/// An unmap of a run, and what was not there.
pub(crate) fn uncount<S: Store>(ledger: &Ledger<'_, S>, run: Run, granule: Granule) -> Spans {
    let mut underflow = Findings::new();
    ledger.unmap(run, granule, &mut underflow);
    underflow.spans().cloned().unwrap_or_default()
}

/// What the check of these pages reports, with nothing for silence.
pub(crate) fn check<S: Store>(
    ledger: &Ledger<'_, S>,
    first: u64,
    count: u64,
) -> Vec<(u64, u64, u64)> {
    match ledger.check(pages(first, count)) {
        Verdict::Clean => Vec::new(),
        Verdict::Mapped(spans) => told(&spans),
        Verdict::Underflow(spans) => panic!("underflow: {spans:?}"),
    }
}

/// Unmaps as the core does through a driver without a walk, and says how much the driver removed.
pub(crate) fn unmap<S: Store>(
    ledger: &Ledger<'_, S>,
    table: &mut Table,
    iova: u64,
    len: u64,
) -> u64 {
    let granule = table.granule();
    table.unmap(iova, len, |gone| {
        assert!(
            uncount(ledger, gone, granule).is_empty(),
            "underflow: {gone:?}"
        );
    })
}
