//! Pages with atomic words of loom's, and what may happen to them.

use dmasan_engine::{
    Cell, Findings, Granule, Ledger, PageRange, PageShift, Pfn, PhysAddr, Run, Shape, Spans,
    Verdict,
};
use loom::sync::atomic::{fence, AtomicU32, Ordering};
use loom::sync::Arc;
use loom::thread;

use crate::store::{Blocks, HostStore};

#[derive(Debug)]
struct LoomCell(AtomicU32);

impl Default for LoomCell {
    fn default() -> Self {
        Self(AtomicU32::new(0))
    }
}

/// What the kernel promises: loads in no order, and barriers on both sides of what changes a word.
impl Cell for LoomCell {
    fn load(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    fn load_acquire(&self) -> u32 {
        self.0.load(Ordering::Acquire)
    }

    fn fetch_add(&self, value: u32) -> u32 {
        fence(Ordering::SeqCst);
        let old = self.0.fetch_add(value, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        old
    }

    fn compare_exchange_weak(&self, current: u32, new: u32) -> Result<u32, u32> {
        fence(Ordering::SeqCst);
        let result = self
            .0
            .compare_exchange(current, new, Ordering::Relaxed, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        result
    }
}

/// Blocks of two pages, which are marked as well.
#[derive(Debug)]
pub(crate) struct Pairs;

impl Blocks for Pairs {
    const SHAPE: Shape = Shape::new(&[0, 1], 1);
}

/// Blocks of one page, of four and of eight.
#[derive(Debug)]
pub(crate) struct Eights;

impl Blocks for Eights {
    const SHAPE: Shape = Shape::new(&[0, 2, 3], 2);
}

pub(crate) const PAGE: u64 = 4096;

/// A machine of a few pages, with short words for what may happen to them.
#[derive(Debug)]
pub(crate) struct Machine<B = Pairs> {
    store: Arc<HostStore<LoomCell, B>>,
    granule: Granule,
}

impl<B> Clone for Machine<B> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            granule: self.granule,
        }
    }
}

impl Machine {
    /// Two pages of 4K.
    pub(crate) fn new() -> Self {
        Self::with(PageShift(12), 12, 2)
    }
}

impl<B: Blocks + 'static> Machine<B> {
    pub(crate) fn with(page: PageShift, granule: u32, pages: u64) -> Self {
        Self {
            store: Arc::new(HostStore::new(page, pages, [0])),
            granule: Granule::from_shift(granule).expect("below 64"),
        }
    }

    fn ledger(&self) -> Ledger<'_, HostStore<LoomCell, B>> {
        Ledger::new(&self.store)
    }

    /// Maps `len` bytes from `start` on and returns the pages that saturated.
    pub(crate) fn map(&self, start: u64, len: u64) -> u64 {
        let mut saturated = Findings::new();
        self.ledger()
            .map_begin(run(start, len), self.granule, &mut saturated);
        saturated.spans().map_or(0, Spans::pages)
    }

    pub(crate) fn failed_map(&self, start: u64, len: u64) {
        assert_eq!(self.map(start, len), 0);
        let mut undone = Findings::new();
        self.ledger()
            .map_end(run(start, len), 0, self.granule, &mut undone);
        assert_eq!(undone.spans(), None);
    }

    /// Unmaps and returns how many translations there were too few.
    pub(crate) fn unmap(&self, start: u64, len: u64) -> u64 {
        let mut missing = Findings::new();
        self.ledger()
            .unmap(run(start, len), self.granule, &mut missing);
        translations(&missing)
    }

    /// Ends a domain with these translations and returns those that leaked.
    pub(crate) fn end(&self, start: u64, len: u64) -> u64 {
        let mut leaks = Findings::new();
        let run = run(start, len);
        self.ledger()
            .release(run, self.granule, &mut leaks, |_| true);
        translations(&leaks)
    }

    /// Allocates or frees a page and returns the translations reported.
    pub(crate) fn check(&self, pfn: u64) -> u64 {
        self.check_pages(pfn, 1)
    }

    pub(crate) fn check_pages(&self, first: u64, count: u64) -> u64 {
        let pages = PageRange::from_count(Pfn(first), count).expect("pages");
        match self.ledger().check(pages) {
            Verdict::Clean => 0,
            Verdict::Mapped(spans) => sum(&spans),
            Verdict::Underflow(spans) => panic!("underflow: {spans:?}"),
        }
    }

    /// Allocates or frees a page that nobody maps and returns how many translations were missing.
    pub(crate) fn missing(&self, pfn: u64) -> u64 {
        let page = PageRange::from_count(Pfn(pfn), 1).expect("a page");
        match self.ledger().check(page) {
            Verdict::Clean => 0,
            Verdict::Mapped(spans) => panic!("false alarm: {spans:?}"),
            Verdict::Underflow(spans) => sum(&spans),
        }
    }

    /// Live translations of a page and whether they have been reported.
    pub(crate) fn count(&self, pfn: u64) -> (u32, bool) {
        let count = self.ledger().count(Pfn(pfn)).expect("online");
        (count.translations(), count.is_reported())
    }

    pub(crate) fn is_saturated(&self) -> bool {
        self.ledger().count(Pfn(0)).expect("online").is_saturated()
    }

    pub(crate) fn spawn<T: 'static>(
        &self,
        work: impl FnOnce(&Self) -> T + 'static,
    ) -> thread::JoinHandle<T> {
        let machine = self.clone();
        thread::spawn(move || work(&machine))
    }
}

fn run(start: u64, len: u64) -> Run {
    Run::new(PhysAddr(start), len).expect("a run")
}

fn translations(findings: &Findings) -> u64 {
    findings.spans().map_or(0, sum)
}

fn sum(spans: &Spans) -> u64 {
    spans.kept().iter().map(|span| span.translations).sum()
}

pub(crate) fn join<T>(thread: thread::JoinHandle<T>) -> T {
    thread.join().expect("no panic")
}

/// Every interleaving in which threads are interrupted three times at most, where there are three of
/// them or many words. The other models have all.
pub(crate) fn few_interruptions(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}
