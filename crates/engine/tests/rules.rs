//! Rules of the accounting that no defect of the C implementation stands for.
//!
//! Names with a number in them begin with the number of the rule.

mod support {
    pub(crate) mod cell;
    pub(crate) mod short;
    pub(crate) mod store;
    pub(crate) mod table;
}

use dmasan_engine::{Findings, Hole, Ledger, PageShift, Pfn, PhysAddr, Run, Section, Store, Words};
use support::cell::HostCell;
use support::short::*;
use support::store::HostStore;
use support::table::{Gaps, Table};

#[test]
fn rule_3_a_failed_map_is_undone_exactly() {
    let store = machine([0]);
    let ledger = Ledger::new(&store);
    let mapped = run(0, 8 * K4);
    let counted = |bytes| {
        map(&ledger, mapped, granule(K4));
        assert!(map_end(&ledger, mapped, bytes, granule(K4)).is_empty());
        let live = (0..8)
            .filter(|pfn| translations(&ledger, *pfn) == Some(1))
            .count();
        // The driver that failed half-way is asked to take its half back.
        if let Some(done) = Run::new(PhysAddr(0), live as u64 * K4) {
            assert!(uncount(&ledger, done, granule(K4)).is_empty());
        }
        assert_eq!(check(&ledger, 0, 8), []);
        live
    };
    assert_eq!(counted(0), 0);
    assert_eq!(counted(3 * K4), 3);
    assert_eq!(counted(3 * K4 + 1), 4);
    assert_eq!(counted(8 * K4), 8);
    assert_eq!(counted(u64::MAX), 8);
}

#[test]
fn rule_3_a_short_unmap_leaves_the_rest_counted() {
    let store = machine([0]);
    let ledger = Ledger::new(&store);
    for gaps in [Gaps::Stop, Gaps::Skip] {
        let mut table = Table::new(K4, gaps);
        for (iova, phys) in [(0, 40 * K4), (K4, 9 * K4), (3 * K4, 7 * K4)] {
            map(&ledger, run(phys, K4), granule(K4));
            table.map(iova, phys, K4);
        }
        // A gap at the third page: what is behind it stays, and physical page 0 is left alone.
        assert_eq!(unmap(&ledger, &mut table, 0, 4 * K4), 2 * K4);
        assert_eq!(translations(&ledger, 7), Some(1));
        assert_eq!(translations(&ledger, 9), Some(0));
        assert_eq!(unmap(&ledger, &mut table, 3 * K4, K4), K4);
        assert_eq!(check(&ledger, 0, SECTION), []);
    }
}

#[test]
fn rule_1_an_underflow_is_told_with_what_was_missing_and_ends_at_zero() {
    let store = HostStore::<HostCell>::new(PageShift(16), 32, [0]);
    let ledger = Ledger::new(&store);
    map(&ledger, run(K64, 5 * K4), granule(K4));
    let underflow = uncount(&ledger, run(0, 3 * K64), granule(K4));
    assert_eq!(told(&underflow), [(0, 2, 16 + 11 + 16)]);
    assert_eq!(check(&ledger, 0, 32), []);
    map(&ledger, run(0, K4), granule(K4));
    assert_eq!(check(&ledger, 0, 32), [(0, 0, 1)]);
}

#[test]
fn rule_4_a_section_comes_and_goes() {
    let mut store = machine([0, 1]);
    map(&Ledger::new(&store), run(0, 2 * M2), granule(K4));
    let cells = store.online.remove(&1).expect("online");
    let ledger = Ledger::new(&store);
    assert_eq!(translations(&ledger, SECTION), None);
    assert_eq!(check(&ledger, 0, 2 * SECTION), [(0, SECTION - 1, SECTION)]);
    store.online.insert(1, cells);
    assert_eq!(translations(&Ledger::new(&store), SECTION), Some(1));
}

#[test]
fn a_saturated_page_is_told_once_and_left_alone_for_ever() {
    // A page of 2^24 granules is a quarter of too many.
    let store = HostStore::<HostCell>::new(PageShift(24), 1, [0]);
    let ledger = Ledger::new(&store);
    let (byte, page) = (granule(1), run(0, 1 << 24));

    for n in 1..=4 {
        assert!(map(&ledger, page, byte).is_empty());
        assert_eq!(translations(&ledger, 0), Some(n << 24));
    }
    assert_eq!(check(&ledger, 0, 1), [(0, 0, 4 << 24)]);

    let told: Vec<_> = (5..=32)
        .flat_map(|_| told(&map(&ledger, page, byte)))
        .collect();
    assert_eq!(told, [(0, 0, 0)], "told once, before 2^29");
    let mut leaks = Findings::new();
    for _ in 0..100 {
        assert!(map(&ledger, page, byte).is_empty(), "told twice");
    }
    for _ in 0..200 {
        assert!(ledger
            .count(Pfn(0))
            .is_some_and(|count| count.is_saturated()));
        assert_eq!(translations(&ledger, 0), Some(0));
        assert_eq!(check(&ledger, 0, 1), []);
        assert!(uncount(&ledger, page, byte).is_empty());
        ledger.release(page, byte, &mut leaks, |_| true);
    }
    assert_eq!(leaks.spans(), None);
}

#[test]
fn a_page_is_saturated_through_any_mix_of_blocks() {
    let store = HostStore::<HostCell>::new(PageShift(24), 512, [0]);
    let ledger = Ledger::new(&store);
    // Page 0 alone, in a block of 16, in one of 256, in one of 512.
    let runs = [1u64, 16, 256, 512].map(|pages| run(0, pages << 24));
    let mut told = Vec::new();
    for n in 0..32 {
        let spans = map(&ledger, runs[n % 4], granule(1));
        told.extend(spans.kept().iter().map(|span| (span.first.0, span.last.0)));
    }
    assert!(told.contains(&(0, 0)), "{told:?}");
    assert!(ledger
        .count(Pfn(0))
        .is_some_and(|count| count.is_saturated()));
}

#[test]
fn a_store_that_breaks_its_word_hangs_nobody() {
    struct Liar(HostStore<HostCell>);
    struct Behind<S>(S);
    impl Store for Liar {
        type Cell = HostCell;
        type Section<'a> = Behind<<HostStore<HostCell> as Store>::Section<'a>>;
        type Around<'a> = <HostStore<HostCell> as Store>::Around<'a>;
        fn around(&self, pfn: Pfn) -> Option<Self::Around<'_>> {
            self.0.around(pfn)
        }
        fn page_shift(&self) -> PageShift {
            PAGE
        }
        fn section(&self, pfn: Pfn) -> Result<Self::Section<'_>, Hole> {
            let hole = |_| Hole { last: Pfn(0) };
            self.0.section(pfn).map(Behind).map_err(hole)
        }
    }
    impl<S: Section> Section for Behind<S> {
        fn first(&self) -> Pfn {
            Pfn(0)
        }
        fn last(&self) -> Pfn {
            Pfn(0)
        }
    }
    impl<S: Section> Words for Behind<S> {
        type Cell = S::Cell;
        fn page(&self, pfn: Pfn) -> &S::Cell {
            self.0.page(pfn)
        }
        fn spare(&self, pfn: Pfn) -> &S::Cell {
            self.0.spare(pfn)
        }
    }
    let store = Liar(machine([0]));
    let ledger = Ledger::new(&store);
    map(&ledger, run(0, 2 * M2), granule(K4));
    assert_eq!(check(&ledger, 0, 2 * SECTION), [(0, 0, 1)]);
}

#[test]
fn rule_1_a_count_put_back_to_zero_hides_no_later_bug() {
    // Sections of 2M, of which the whole is uncounted without having been counted.
    let store = machine([0]);
    let ledger = Ledger::new(&store);
    assert_eq!(
        told(&uncount(&ledger, run(0, M2), granule(K4))),
        [(0, 511, 512)]
    );
    assert_eq!(check(&ledger, 0, 1), []);
    for mapped in [run(0, M2), run(0, K4)] {
        assert!(map(&ledger, mapped, granule(K4)).is_empty());
        assert_eq!(check(&ledger, 0, 1), [(0, 0, 1)], "{mapped:?}");
        assert!(uncount(&ledger, mapped, granule(K4)).is_empty());
    }
    assert_eq!(check(&ledger, 0, SECTION), []);
}
