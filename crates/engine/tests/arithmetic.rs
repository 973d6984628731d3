//! Runs, ranges, granules, mergers and spans against byte-by-byte counting, over every input of a
//! few bits: at zero, across the end of 32 bits, and at the very end of the address space.

use std::collections::BTreeMap;

use dmasan_engine::{Granule, Merger, PageRange, PageShift, Pfn, PhysAddr, Run, Span, Spans};

/// Where a small window of addresses may begin, given its width.
fn bases(width: u64) -> [u64; 3] {
    [0, (1 << 32) - width / 2, u64::MAX - (width - 1)]
}

/// All `(first, last)` with `first <= last` in a window.
fn closed_ranges(base: u64, width: u64) -> impl Iterator<Item = (u64, u64)> + Clone {
    (0..width).flat_map(move |a| (a..width).map(move |b| (base + a, base + b)))
}

fn granule(shift: u32) -> Granule {
    Granule::from_shift(shift).expect("below 64")
}

fn closed(first: u64, last: u64) -> Run {
    Run::closed(PhysAddr(first), PhysAddr(last)).expect("not empty")
}

fn ends(run: Run) -> (u64, u64) {
    (run.first().0, run.last().0)
}

#[test]
fn stretches_weigh_each_page_by_the_granules_that_the_run_touches_in_it() {
    const WIDTH: u64 = 32;
    for base in bases(WIDTH) {
        for (first, last) in closed_ranges(base, WIDTH) {
            for (page, shift) in (0..=6).flat_map(|p| (0..=7).map(move |g| (p, g))) {
                let mut expected = BTreeMap::new();
                let mut seen = None;
                for byte in first..=last {
                    let at = Some((byte >> page, byte >> shift));
                    if at != seen {
                        *expected.entry(byte >> page).or_insert(0) += 1;
                        seen = at;
                    }
                }

                let mut counted = BTreeMap::new();
                let stretches = closed(first, last).stretches(PageShift(page), granule(shift));
                assert!(stretches.clone().count() <= 3);
                for stretch in stretches {
                    for pfn in stretch.pages.first().0..=stretch.pages.last().0 {
                        let before = counted.insert(pfn, stretch.weight);
                        assert_eq!(before, None, "page {pfn} comes twice");
                    }
                }
                assert_eq!(
                    counted, expected,
                    "bytes {first:#x}-{last:#x}, pages {page}, granules {shift}"
                );
            }
        }
    }
}

#[test]
fn stretches_of_the_whole_address_space_are_all_of_its_pages() {
    let all = closed(0, u64::MAX);
    for (page, shift, weight) in [
        (12, 12, 1),
        (12, 63, 1),
        (0, 63, 1),
        (16, 12, 16),
        (29, 0, 1 << 29),
    ] {
        let stretches: Vec<_> = all.stretches(PageShift(page), granule(shift)).collect();
        let [stretch] = stretches[..] else {
            panic!("{stretches:?}");
        };
        assert_eq!(stretch.pages.first(), Pfn(0));
        assert_eq!(stretch.pages.last(), Pfn(u64::MAX >> page));
        assert_eq!(stretch.weight, weight);
    }
}

#[test]
fn pages_begin_and_end_where_their_bytes_do() {
    for shift in [0, 12, 14, 16, 18, 29] {
        let page = PageShift(shift);
        for pfn in [0, 1, 5, u64::MAX >> shift] {
            let (first, last) = (page.first_byte(Pfn(pfn)), page.last_byte(Pfn(pfn)));
            assert_eq!(u128::from(first.0), u128::from(pfn) << shift);
            assert_eq!(u128::from(last.0), ((u128::from(pfn) + 1) << shift) - 1);
            assert_eq!([page.pfn_of(first), page.pfn_of(last)], [Pfn(pfn); 2]);
        }
    }
}

#[test]
fn page_ranges_are_the_pages_between_their_ends() {
    const WIDTH: u64 = 8;
    for base in bases(WIDTH) {
        let list = |range: Option<PageRange>| -> Vec<u64> {
            range.map_or(Vec::new(), |range| {
                (range.first().0..=range.last().0).collect()
            })
        };
        let window = || base..=base + (WIDTH - 1);
        for (first, second) in window().flat_map(|a| window().map(move |b| (a, b))) {
            let range = PageRange::new(Pfn(first), Pfn(second));
            let expected: Vec<u64> = (first..=second).collect();
            assert_eq!(list(range), expected);

            let Some(range) = range else { continue };
            assert_eq!(range.count(), expected.len() as u64);
            assert_eq!(
                PageRange::from_count(Pfn(first), range.count()),
                Some(range)
            );
            for pfn in window() {
                let (upto, after) = (list(range.up_to(Pfn(pfn))), list(range.after(Pfn(pfn))));
                assert!(upto.iter().all(|p| *p <= pfn) && after.iter().all(|p| *p > pfn));
                assert_eq!([upto, after].concat(), expected);
            }
        }
    }
    assert_eq!(PageRange::from_count(Pfn(7), 0), None);
    assert_eq!(PageRange::from_count(Pfn(u64::MAX), 2), None);
    assert_eq!(
        PageRange::from_count(Pfn(1), u64::MAX).map(PageRange::count),
        Some(u64::MAX)
    );
    let all = PageRange::new(Pfn(0), Pfn(u64::MAX)).map(PageRange::count);
    assert_eq!(all, Some(u64::MAX), "one short of 2^64, which has no name");
}

#[test]
fn runs_neither_wrap_nor_lose_a_byte() {
    const WIDTH: u64 = 16;
    for base in bases(WIDTH) {
        for start in base..=base + (WIDTH - 1) {
            for len in 0..=WIDTH + 1 {
                let last = u128::from(start) + u128::from(len);
                let fits = len > 0 && last <= 1 << 64;
                let run = Run::new(PhysAddr(start), len);
                assert_eq!(run.is_some(), fits, "{len} bytes from {start:#x}");
                let Some(run) = run else { continue };
                assert_eq!(ends(run), (start, (last - 1) as u64));

                for offset in [0, 1, len / 2, len - 1, len, len + 1, u64::MAX - 1, u64::MAX] {
                    let expected = (offset < len).then(|| (start + offset, run.last().0));
                    assert_eq!(run.skip(offset).map(ends), expected, "{offset} of {run:?}");
                }
            }
        }
        for (a, b) in closed_ranges(base, 8) {
            assert_eq!(Run::closed(PhysAddr(b), PhysAddr(a)).is_some(), a == b);
            for (c, d) in closed_ranges(base, 8).chain([(0, 0), (0, 7)]) {
                let adjacent = u128::from(b) + 1 == u128::from(c);
                let joined = closed(a, b).join(closed(c, d)).map(ends);
                assert_eq!(joined, adjacent.then_some((a, d)), "{a}-{b} and {c}-{d}");
            }
        }
    }
}

#[test]
fn a_granule_is_the_lowest_page_size_and_rounds_up_to_itself() {
    for shift in 0..64 {
        let granule = granule(shift);
        assert_eq!((granule.shift(), granule.bytes()), (shift, 1 << shift));
        for above in shift..64 {
            assert_eq!(Granule::from_bitmap(1 << shift | 1 << above), Some(granule));
        }
        let size = u128::from(granule.bytes());
        for len in (0..40)
            .chain((0..40).map(|i| u64::MAX - i))
            .chain(granule.bytes() - 1..granule.bytes() + 2)
        {
            let exact = u128::from(len).div_ceil(size) * size;
            let expected = u64::try_from(exact).unwrap_or(u64::MAX);
            assert_eq!(granule.round_up(len), expected, "{len:#x} by 2^{shift}");
        }
    }
    assert_eq!(Granule::from_shift(64), None);
    assert_eq!(Granule::from_shift(u32::MAX), None);
    assert_eq!(Granule::from_bitmap(0), None);
}

#[test]
fn a_merger_joins_all_that_follows_on_and_loses_nothing() {
    const WIDTH: u64 = 6;
    for base in bases(WIDTH) {
        let leaves = closed_ranges(base, WIDTH).chain([(0, 0)]);
        let sequences = leaves.clone().flat_map(|a| {
            let leaves = leaves.clone();
            leaves
                .clone()
                .flat_map(move |b| leaves.clone().map(move |c| [a, b, c]))
        });
        let mut merger = Merger::new();
        for sequence in sequences {
            let mut expected: Vec<(u64, u64)> = Vec::new();
            for (first, last) in sequence {
                match expected.last_mut() {
                    Some(run) if run.1.checked_add(1) == Some(first) => run.1 = last,
                    _ => expected.push((first, last)),
                }
            }
            let pushed = sequence.map(|(first, last)| merger.push(closed(first, last)));
            let runs: Vec<_> = pushed
                .into_iter()
                .flatten()
                .chain(merger.finish())
                .collect();
            assert_eq!(runs.into_iter().map(ends).collect::<Vec<_>>(), expected);
            assert_eq!(merger.finish(), None, "finished twice");
        }
    }
    assert_eq!(Merger::default().finish(), None);
}

#[test]
fn spans_join_neighbours_in_the_order_in_which_they_come() {
    let pfns = [0, 1, 2, u64::MAX - 1, u64::MAX];
    for code in 0..5u32.pow(6) {
        let sequence = (0..6).map(|i| pfns[(code / 5u32.pow(i) % 5) as usize]);
        let (mut spans, mut expected) = (Spans::default(), Vec::<Span>::new());
        assert!(spans.is_empty() && spans.kept().is_empty());
        for (i, pfn) in sequence.enumerate() {
            spans.push(Pfn(pfn), i as u32);
            let follows = |last: u64| last == pfn || last.checked_add(1) == Some(pfn);
            match expected.last_mut() {
                Some(span) if follows(span.last.0) => {
                    span.last = Pfn(pfn);
                    span.translations += i as u64;
                }
                _ => expected.push(Span {
                    first: Pfn(pfn),
                    last: Pfn(pfn),
                    translations: i as u64,
                }),
            }
        }
        assert!(!spans.is_empty());
        assert_eq!(spans.kept(), expected);
        assert_eq!(spans.spans(), expected.len() as u64);
        assert_eq!(spans.pages(), expected.iter().map(Span::pages).sum::<u64>());
    }
}
