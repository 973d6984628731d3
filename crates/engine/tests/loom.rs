//! Every interleaving of the operations on two pages and the block that they form, and every value
//! that relaxed loads may see.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p dmasan-engine --test loom --release`
#![cfg(loom)]

mod support {
    pub(crate) mod store;
}

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use dmasan_engine::{
    Cell, Findings, Granule, Ledger, PageRange, PageShift, Pfn, PhysAddr, Run, Shape, Spans,
    Verdict,
};
use loom::sync::atomic::{fence, AtomicU32, Ordering};
use loom::sync::Arc;
use loom::thread;
use support::store::{Blocks, HostStore};

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
struct Pairs;

impl Blocks for Pairs {
    const SHAPE: Shape = Shape::new(&[0, 1], 1);
}

/// Blocks of one page, of four and of eight.
#[derive(Debug)]
struct Eights;

impl Blocks for Eights {
    const SHAPE: Shape = Shape::new(&[0, 2, 3], 2);
}

const PAGE: u64 = 4096;

/// A machine of a few pages, with short words for what may happen to them.
#[derive(Debug)]
struct Machine<B = Pairs> {
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
    fn new() -> Self {
        Self::with(PageShift(12), 12, 2)
    }
}

impl<B: Blocks + 'static> Machine<B> {
    fn with(page: PageShift, granule: u32, pages: u64) -> Self {
        Self {
            store: Arc::new(HostStore::new(page, pages, [0])),
            granule: Granule::from_shift(granule).expect("below 64"),
        }
    }

    fn ledger(&self) -> Ledger<'_, HostStore<LoomCell, B>> {
        Ledger::new(&self.store)
    }

    /// Maps `len` bytes from `start` on and returns the pages that saturated.
    fn map(&self, start: u64, len: u64) -> u64 {
        let mut saturated = Findings::new();
        self.ledger()
            .map_begin(run(start, len), self.granule, &mut saturated);
        saturated.spans().map_or(0, Spans::pages)
    }

    fn failed_map(&self, start: u64, len: u64) {
        assert_eq!(self.map(start, len), 0);
        let mut undone = Findings::new();
        self.ledger()
            .map_end(run(start, len), 0, self.granule, &mut undone);
        assert_eq!(undone.spans(), None);
    }

    /// Unmaps and returns how many translations there were too few.
    fn unmap(&self, start: u64, len: u64) -> u64 {
        let mut missing = Findings::new();
        self.ledger()
            .unmap(run(start, len), self.granule, &mut missing);
        translations(&missing)
    }

    /// Ends a domain with these translations and returns those that leaked.
    fn end(&self, start: u64, len: u64) -> u64 {
        let mut leaks = Findings::new();
        let run = run(start, len);
        self.ledger()
            .release(run, self.granule, &mut leaks, |_| true);
        translations(&leaks)
    }

    /// Allocates or frees a page and returns the translations reported.
    fn check(&self, pfn: u64) -> u64 {
        self.check_pages(pfn, 1)
    }

    fn check_pages(&self, first: u64, count: u64) -> u64 {
        let pages = PageRange::from_count(Pfn(first), count).expect("pages");
        match self.ledger().check(pages) {
            Verdict::Clean => 0,
            Verdict::Mapped(spans) => sum(&spans),
            Verdict::Underflow(spans) => panic!("underflow: {spans:?}"),
        }
    }

    /// Allocates or frees a page that nobody maps and returns how many translations were missing.
    fn missing(&self, pfn: u64) -> u64 {
        let page = PageRange::from_count(Pfn(pfn), 1).expect("a page");
        match self.ledger().check(page) {
            Verdict::Clean => 0,
            Verdict::Mapped(spans) => panic!("false alarm: {spans:?}"),
            Verdict::Underflow(spans) => sum(&spans),
        }
    }

    /// Live translations of a page and whether they have been reported.
    fn count(&self, pfn: u64) -> (u32, bool) {
        let count = self.ledger().count(Pfn(pfn)).expect("online");
        (count.translations(), count.is_reported())
    }

    fn is_saturated(&self) -> bool {
        self.ledger().count(Pfn(0)).expect("online").is_saturated()
    }

    fn spawn<T: 'static>(&self, work: impl FnOnce(&Self) -> T + 'static) -> thread::JoinHandle<T> {
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

fn join<T>(thread: thread::JoinHandle<T>) -> T {
    thread.join().expect("no panic")
}

/// Every interleaving in which threads are interrupted three times at most, where there are three of
/// them or many words. The other models have all.
fn few_interruptions(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

#[test]
fn two_unmaps_of_one_page_take_one_translation_each() {
    loom::model(|| {
        let machine = Machine::new();
        machine.map(0, PAGE);
        machine.map(0, PAGE);
        let other = machine.spawn(|machine| machine.unmap(0, PAGE));
        assert_eq!(machine.unmap(0, PAGE), 0);
        assert_eq!(join(other), 0);
        assert_eq!(machine.count(0), (0, false));
    });
}

#[test]
fn two_unmaps_of_one_translation_are_one_underflow_and_zero() {
    loom::model(|| {
        let machine = Machine::new();
        machine.map(0, PAGE);
        let other = machine.spawn(|machine| machine.unmap(0, PAGE));
        let missing = machine.unmap(0, PAGE) + join(other);
        assert_eq!(missing, 1);
        assert_eq!(machine.count(0), (0, false));
    });
}

#[test]
fn a_failed_map_beside_an_unmap_leaves_nothing_and_takes_nothing() {
    loom::model(|| {
        let machine = Machine::new();
        machine.map(0, PAGE);
        let other = machine.spawn(|machine| machine.failed_map(0, 2 * PAGE));
        assert_eq!(machine.unmap(0, PAGE), 0);
        join(other);
        assert_eq!([machine.count(0), machine.count(1)], [(0, false); 2]);
    });
}

#[test]
fn a_map_an_unmap_and_a_check_of_one_page_agree_in_the_end() {
    few_interruptions(|| {
        let machine = Machine::new();
        machine.map(0, PAGE);
        let mapper = machine.spawn(|machine| machine.map(0, PAGE));
        let checker = machine.spawn(|machine| machine.check(0));
        assert_eq!(machine.unmap(0, PAGE), 0);
        assert_eq!(join(mapper), 0);
        let told = join(checker);
        assert!(told <= 2);

        let (live, reported) = machine.count(0);
        assert_eq!(live, 1);
        assert!(told > 0 || !reported, "marked and not told");
        assert_eq!(machine.unmap(0, PAGE), 0);
        assert_eq!(machine.count(0), (0, false));
    });
}

#[test]
fn a_check_behind_an_unmap_is_silent_whatever_happens_to_the_rest_of_the_run() {
    loom::model(|| {
        let machine = Machine::new();
        machine.map(0, 2 * PAGE);
        let other = machine.spawn(|machine| {
            assert_eq!(machine.unmap(PAGE, PAGE), 0);
            assert_eq!(machine.check(1), 0, "false alarm");
        });
        assert_eq!(machine.unmap(0, PAGE), 0);
        assert_eq!(machine.check(0), 0, "false alarm");
        join(other);
    });
}

#[test]
fn a_page_that_is_passed_on_after_its_unmap_raises_no_alarm() {
    loom::model(|| {
        let machine = Machine::new();
        machine.map(0, PAGE);
        let freed = Arc::new(AtomicU32::new(0));
        let flag = Arc::clone(&freed);
        let owner = machine.spawn(move |machine| {
            assert_eq!(machine.unmap(0, PAGE), 0);
            // What the page allocator's lock does.
            flag.store(1, Ordering::Release);
        });
        if freed.load(Ordering::Acquire) == 1 {
            assert_eq!(machine.check(0), 0, "false alarm");
            // The next owner's translation is his own.
            assert_eq!(machine.map(0, PAGE), 0);
            assert_eq!(machine.count(0), (1, false));
        }
        join(owner);
    });
}

#[test]
fn of_two_checks_of_a_mapped_page_exactly_one_reports() {
    few_interruptions(|| {
        let machine = Machine::new();
        machine.map(0, PAGE);
        let checker = machine.spawn(|machine| machine.check(0));
        let mapper = machine.spawn(|machine| machine.map(0, PAGE));
        let told = [machine.check(0), join(checker)];
        join(mapper);
        assert_eq!(told.iter().filter(|told| **told > 0).count(), 1, "{told:?}");
        assert_eq!(machine.count(0), (2, true));
    });
}

#[test]
fn a_leak_is_told_at_the_free_or_at_the_end_of_its_domain_and_not_at_both() {
    loom::model(|| {
        let machine = Machine::new();
        machine.map(0, PAGE);
        let domain = machine.spawn(|machine| machine.end(0, PAGE));
        let told = machine.check(0);
        assert_eq!(told + join(domain), 1);
        assert_eq!(machine.count(0), (0, false));
    });
}

#[test]
fn the_mark_of_a_report_goes_with_the_last_translation_though_a_new_one_comes() {
    static OLD_BUG: AtomicBool = AtomicBool::new(false);
    static NEW_BUG: AtomicBool = AtomicBool::new(false);
    loom::model(|| {
        let machine = Machine::new();
        machine.map(0, PAGE);
        assert_eq!(machine.check(0), 1);
        let mapper = machine.spawn(|machine| machine.map(0, PAGE));
        assert_eq!(machine.unmap(0, PAGE), 0);
        join(mapper);

        // Either the translations met, and it is one bug; or they did not, and it is two.
        let (live, reported) = machine.count(0);
        assert_eq!(live, 1);
        assert_eq!(machine.check(0), u64::from(!reported));
        if reported { &OLD_BUG } else { &NEW_BUG }.store(true, SeqCst);

        assert_eq!(machine.unmap(0, PAGE), 0);
        assert_eq!(machine.count(0), (0, false));
        machine.map(0, PAGE);
        assert_eq!(machine.check(0), 1, "a new bug goes unseen");
    });
    assert!(OLD_BUG.load(SeqCst) && NEW_BUG.load(SeqCst));
}

#[test]
fn two_unmaps_that_take_a_block_apart_leave_nothing() {
    loom::model(|| {
        let machine = Machine::new();
        machine.map(0, 2 * PAGE);
        let other = machine.spawn(|machine| machine.unmap(PAGE, PAGE));
        assert_eq!(machine.unmap(0, PAGE), 0);
        assert_eq!(join(other), 0);
        assert_eq!([machine.count(0), machine.count(1)], [(0, false); 2]);
    });
}

#[test]
fn a_block_is_unmapped_as_a_whole_though_it_was_mapped_in_parts_while_others_map_it() {
    loom::model(|| {
        let machine = Machine::new();
        machine.map(0, PAGE);
        machine.map(PAGE, PAGE);
        let other = machine.spawn(|machine| {
            machine.map(0, 2 * PAGE);
            machine.unmap(0, PAGE) + machine.unmap(PAGE, PAGE)
        });
        assert_eq!(machine.unmap(0, 2 * PAGE), 0);
        assert_eq!(join(other), 0, "false underflow");
        assert_eq!([machine.count(0), machine.count(1)], [(0, false); 2]);
    });
}

#[test]
fn a_page_taken_out_of_a_block_is_clean_while_the_block_is_mapped_again_elsewhere() {
    loom::model(|| {
        let machine = Machine::new();
        machine.map(0, 2 * PAGE);
        let other = machine.spawn(|machine| {
            machine.map(PAGE, PAGE);
            machine.unmap(PAGE, PAGE)
        });
        assert_eq!(machine.unmap(0, PAGE), 0);
        assert_eq!(machine.check(0), 0, "false alarm");
        assert_eq!(join(other), 0);
        assert_eq!(machine.check(1), 1);
    });
}

#[test]
fn a_mark_that_becomes_clean_hides_no_translation() {
    loom::model(|| {
        let machine = Machine::new();
        // The block has been touched, and is empty.
        machine.map(0, PAGE);
        machine.unmap(0, PAGE);
        let checker = machine.spawn(|machine| machine.check_pages(0, 2));
        machine.map(1, PAGE);
        let told = join(checker);
        assert_eq!(told + machine.check_pages(0, 2), 2, "pages 0 and 1");
    });
}

#[test]
fn a_report_beside_the_unmap_of_the_whole_block_does_not_hide_the_next_bug() {
    loom::model(|| {
        let machine = Machine::new();
        machine.map(0, 2 * PAGE);
        let checker = machine.spawn(|machine| machine.check(0));
        assert_eq!(machine.unmap(0, 2 * PAGE), 0);
        assert!(join(checker) <= 1);
        assert_eq!(machine.count(0), (0, false));
        machine.map(0, PAGE);
        assert_eq!(machine.check(0), 1, "a new bug goes unseen");
    });
}

#[test]
fn a_block_that_leaks_is_told_at_the_free_or_at_the_end_of_its_domain_and_not_at_both() {
    loom::model(|| {
        let machine = Machine::new();
        machine.map(0, 2 * PAGE);
        let domain = machine.spawn(|machine| machine.end(0, 2 * PAGE));
        let told = machine.check(0);
        assert_eq!(told + join(domain), 2);
        assert_eq!(machine.count(0), (0, false));
    });
}

#[test]
fn what_is_missing_is_told_once_whoever_took_it_in_whatever_block() {
    loom::model(|| {
        let machine = Machine::new();
        machine.map(0, 2 * PAGE);
        let other = machine.spawn(|machine| machine.unmap(0, 2 * PAGE));
        let missing = machine.unmap(0, PAGE) + join(other);
        assert_eq!(missing + machine.missing(0), 1);
        assert_eq!(machine.missing(1), 0);
        assert_eq!([machine.count(0), machine.count(1)], [(0, false); 2]);
    });
}

#[test]
fn two_unmaps_of_a_reported_block_leave_no_mark_that_hides_the_next_bug() {
    loom::model(|| {
        let machine = Machine::new();
        machine.map(0, 2 * PAGE);
        machine.map(0, 2 * PAGE);
        assert_eq!(machine.check(0), 2);
        let other = machine.spawn(|machine| machine.unmap(0, 2 * PAGE));
        assert_eq!(machine.unmap(0, 2 * PAGE), 0);
        assert_eq!(join(other), 0);
        assert_eq!(machine.count(0), (0, false));
        machine.map(0, PAGE);
        assert_eq!(machine.check(0), 1, "a new bug goes unseen");
    });
}

/// Eight pages, of which the first is mapped by itself, in a way that leaves nothing in its own word.
fn eight_pages() -> Machine<Eights> {
    let machine = Machine::<Eights>::with(PageShift(12), 12, 8);
    machine.map(0, 4 * PAGE);
    machine.unmap(0, PAGE);
    machine.map(0, PAGE);
    machine
}

#[test]
fn nothing_is_missing_while_others_map_and_unmap_the_page_in_blocks_of_other_sizes() {
    few_interruptions(|| {
        let machine = eight_pages();
        let other = machine.spawn(|machine| {
            machine.map(0, 8 * PAGE);
            machine.unmap(0, 4 * PAGE)
        });
        assert_eq!(machine.unmap(0, PAGE), 0, "false underflow");
        assert_eq!(join(other), 0, "false underflow");
        assert_eq!(machine.check(0), 0, "false alarm");
    });
}

#[test]
fn a_reported_page_is_not_told_of_again_while_its_translations_change_blocks() {
    few_interruptions(|| {
        let machine = Machine::<Eights>::with(PageShift(12), 12, 8);
        machine.map(0, 8 * PAGE);
        assert_eq!(machine.check(0), 1);
        machine.map(0, PAGE);
        let other = machine.spawn(|machine| {
            machine.map(0, 4 * PAGE);
            machine.unmap(0, 8 * PAGE)
        });
        assert_eq!(machine.unmap(0, PAGE), 0);
        assert_eq!(join(other), 0);
        assert_eq!(machine.count(0).0, 1);
        assert_eq!(machine.check(0), 0, "told twice");
    });
}

/// A page of so many granules of a byte that six are too many.
const LARGE: (PageShift, u64) = (PageShift(24), 1 << 24);

#[test]
fn of_racing_maps_that_saturate_a_page_one_tells() {
    loom::model(|| {
        let machine = Machine::<Pairs>::with(LARGE.0, 0, 2);
        for _ in 0..5 {
            assert_eq!(machine.map(0, LARGE.1), 0);
        }
        let mapper = machine.spawn(|machine| machine.map(0, LARGE.1));
        let told = machine.map(0, LARGE.1) + join(mapper);
        assert_eq!(told, 1);
        assert!(machine.is_saturated());
    });
}

#[test]
fn nothing_brings_a_saturated_page_back() {
    loom::model(|| {
        let machine = Machine::<Pairs>::with(LARGE.0, 0, 2);
        let told: u64 = (0..6).map(|_| machine.map(0, LARGE.1)).sum();
        assert_eq!(told, 1);
        let mapper = machine.spawn(|machine| machine.map(0, LARGE.1));
        let unmapper = machine.spawn(|machine| machine.unmap(0, LARGE.1));
        assert!(machine.is_saturated());
        assert_eq!(join(mapper), 0, "told twice");
        assert_eq!(join(unmapper), 0);
        assert!(machine.is_saturated());
        assert_eq!(machine.check(0), 0);
    });
}
