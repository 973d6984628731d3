//! How many instructions the engine takes, for `cargo xtask instructions`: the same number on every
//! run, however busy the machine is.
//!
//! Each operation is a function of its own, which is what is counted; see the names at the end.

use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering};

use dmasan_engine::{
    Cell, Findings, Granule, Hole, Ledger, PageRange, PageShift, Pfn, PhysAddr, Run, Section,
    Store, Verdict, Words,
};

const PAGES: usize = 1 << 15;

#[derive(Debug, Default)]
struct Word(AtomicU32);

impl Cell for Word {
    #[inline]
    fn load(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    #[inline]
    fn load_acquire(&self) -> u32 {
        self.0.load(Ordering::Acquire)
    }

    #[inline]
    fn fetch_add(&self, value: u32) -> u32 {
        self.0.fetch_add(value, Ordering::SeqCst)
    }

    #[inline]
    fn compare_exchange_weak(&self, current: u32, new: u32) -> Result<u32, u32> {
        self.0
            .compare_exchange_weak(current, new, Ordering::SeqCst, Ordering::SeqCst)
    }
}

/// One section of 128M from address 0 on.
struct Memory(Box<[[Word; 2]; PAGES]>);

struct All<'a>(&'a [[Word; 2]; PAGES]);

impl Store for Memory {
    type Cell = Word;
    type Section<'a> = All<'a>;
    type Around<'a> = All<'a>;

    #[inline]
    fn page_shift(&self) -> PageShift {
        PageShift(12)
    }

    #[inline]
    fn section(&self, pfn: Pfn) -> Result<All<'_>, Hole> {
        if pfn.0 < PAGES as u64 {
            Ok(All(&self.0))
        } else {
            Err(Hole {
                last: Pfn(u64::MAX),
            })
        }
    }

    #[inline]
    fn around(&self, pfn: Pfn) -> Option<All<'_>> {
        (pfn.0 < PAGES as u64).then_some(All(&self.0))
    }
}

impl Words for All<'_> {
    type Cell = Word;

    #[inline]
    fn page(&self, pfn: Pfn) -> &Word {
        &self.0[pfn.0 as usize % PAGES][0]
    }

    #[inline]
    fn spare(&self, pfn: Pfn) -> &Word {
        &self.0[pfn.0 as usize % PAGES][1]
    }
}

impl Section for All<'_> {
    #[inline]
    fn first(&self) -> Pfn {
        Pfn(0)
    }

    #[inline]
    fn last(&self) -> Pfn {
        Pfn(PAGES as u64 - 1)
    }
}

#[inline(never)]
fn map(memory: &Memory, run: Run, granule: Granule, found: &mut Findings) {
    Ledger::new(memory).map_begin(run, granule, found);
}

#[inline(never)]
fn unmap(memory: &Memory, run: Run, granule: Granule, found: &mut Findings) {
    Ledger::new(memory).unmap(run, granule, found);
}

#[inline(never)]
fn check(memory: &Memory, pages: PageRange) -> bool {
    let ledger = Ledger::new(memory);
    ledger.looks_clean(pages) || ledger.check(pages) == Verdict::Clean
}

/// Does one of them `times` times: `instructions map 4096 1000`.
fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [op, bytes, times] = &words[..] else {
        panic!("usage: instructions (map|unmap|check|check-touched) BYTES TIMES");
    };
    let bytes: u64 = bytes.parse().expect("bytes");
    let times: u64 = times.parse().expect("times");

    let words: Box<[[Word; 2]]> = (0..PAGES).map(|_| Default::default()).collect();
    let memory = Memory(words.try_into().expect("as many as there are pages"));
    let granule = Granule::from_shift(12).expect("a granule");
    let run = Run::new(PhysAddr(0), bytes).expect("a run");
    let pages = PageRange::from_count(Pfn(0), bytes >> 12).expect("pages");
    let mut found = Findings::new();
    if op == "check-touched" {
        // Something was mapped near by, which an order-0 check never finds out to be gone.
        let other = Run::new(PhysAddr(1 << 20), 4096).expect("a run");
        Ledger::new(&memory).map_begin(other, granule, &mut found);
    }
    for _ in 0..times {
        match &op[..] {
            "map" => map(black_box(&memory), black_box(run), granule, &mut found),
            "unmap" => {
                Ledger::new(&memory).map_begin(run, granule, &mut found);
                unmap(black_box(&memory), black_box(run), granule, &mut found);
            }
            "check" | "check-touched" => assert!(check(black_box(&memory), black_box(pages))),
            other => panic!("no operation {other}"),
        }
    }
    assert!(found.spans().is_none());
}
