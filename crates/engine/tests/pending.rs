//! Unmaps through drivers that cannot tell what they unmapped, against a table that can.

mod support {
    pub(crate) mod table;
}

use dmasan_engine::{Granule, PendingUnmap, Run, Unit};
use support::table::{Gaps, Leaf, Table};

/// Pages of 1, 8 and 32 granules. A granule is a byte, so that addresses count granules.
const SIZES: u64 = 1 | 8 | 32;

/// How eight granules of IOVA space are mapped.
#[derive(Clone, Copy, Debug)]
enum Block {
    /// Eight leaves in descending order in memory: eight runs.
    Scattered,
    /// One leaf.
    Large,
    /// Leaves that follow one another, but for two in the middle that are missing.
    Holey,
}

const BLOCKS: [Block; 3] = [Block::Scattered, Block::Large, Block::Holey];

fn map_block(table: &mut Table, block: Block, iova: u64, phys: u64) {
    match block {
        Block::Scattered => (0..8).for_each(|i| table.map(iova + i, phys + 7 - i, 1)),
        Block::Large => table.map(iova, phys, 8),
        Block::Holey => [0, 1, 2, 5, 6, 7]
            .into_iter()
            .for_each(|i| table.map(iova + i, phys + i, 1)),
    }
}

/// The bytes of runs, in ascending order.
fn bytes(runs: impl IntoIterator<Item = Run>) -> Vec<u64> {
    let each = |run: Run| run.first().0..=run.last().0;
    let mut bytes: Vec<u64> = runs.into_iter().flat_map(each).collect();
    bytes.sort_unstable();
    bytes
}

/// Unmaps every part of the window that is mapped and compares what was settled with what went.
fn every_unmap_is_settled_exactly(table: &Table, base: u64, width: u64) {
    for (start, end) in (0..width).flat_map(|a| (a + 1..=width).map(move |b| (a, b))) {
        let (iova, len) = (base + start, end - start);
        // Without a sanitizer, whole leaves go until the first gap or the end.
        let mut reference = Vec::new();
        let mut done = 0;
        while let Some(leaf) = table.leaves.get(&iova.wrapping_add(done)) {
            if done >= len {
                break;
            }
            reference.push(Run::from(leaf));
            done += leaf.size;
            if iova.checked_add(done).is_none() {
                break;
            }
        }

        let mut after = table.clone();
        let mut settled = Vec::new();
        let unmapped = after.unmap(iova, len, |run| settled.push(run));

        assert_eq!(unmapped, done, "[{start}, {end}) of {table:?}");
        assert_eq!(
            bytes(settled),
            bytes(reference),
            "[{start}, {end}) of {table:?}"
        );
        let left = table.leaves.len() - after.leaves.len();
        assert_eq!(left == 0, done == 0);
    }
}

#[test]
fn every_unmap_of_every_table_is_settled_exactly() {
    for (gaps, base) in [(Gaps::Stop, u64::MAX - 31), (Gaps::Skip, 0)] {
        for code in 0..81 {
            let mut table = Table::new(SIZES, gaps);
            for i in 0..4 {
                let block = BLOCKS[code / 3usize.pow(i) % 3];
                // The first block is at physical 0, and no block follows on another.
                let (at, phys) = (8 * u64::from(i), 16 * u64::from(i));
                map_block(&mut table, block, base + at, phys);
            }
            every_unmap_is_settled_exactly(&table, base, 32);
        }
    }
}

#[test]
fn leaves_larger_than_the_unmap_are_settled_whole() {
    for (gaps, block) in [Gaps::Stop, Gaps::Skip]
        .into_iter()
        .flat_map(|gaps| BLOCKS.map(|block| (gaps, block)))
    {
        for phys in [0, 64] {
            let mut table = Table::new(SIZES, gaps);
            map_block(&mut table, block, 24, 32);
            table.map(32, phys, 32);
            map_block(&mut table, block, 64, 128);
            every_unmap_is_settled_exactly(&table, 0, 72);
        }
    }
}

/// virtio-iommu has no table: a mapping is as large as the map was.
#[test]
fn mappings_with_any_bounds_are_settled_whole() {
    const GRANULES: u64 = 96;
    for seed in 1..200u64 {
        let mut table = Table::new(u64::MAX, Gaps::Skip);
        let (mut iova, mut random) = (0, seed);
        while iova < GRANULES {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(seed);
            let size = (1 + (random >> 60) % 11).min(GRANULES - iova);
            // Most follow on nothing.
            let phys = if random >> 33 & 7 == 0 {
                4096 + iova
            } else {
                8192 + 3 * iova
            };
            table.leaves.insert(iova, Leaf { iova, phys, size });
            iova += size;
        }
        let all = bytes(table.leaves.values().map(Run::from));
        let mut settled = Vec::new();
        let unmapped = table.unmap(0, GRANULES, |run| settled.push(run));
        assert_eq!(unmapped, GRANULES, "seed {seed}");
        assert!(table.leaves.is_empty(), "seed {seed}");
        assert_eq!(bytes(settled), all, "seed {seed}");
    }
}

fn granule(bytes: u64) -> Granule {
    Granule::from_bitmap(bytes).expect("not zero")
}

fn runs(pending: &PendingUnmap, unmapped: u64) -> Vec<(u64, u64)> {
    let mut runs = Vec::new();
    let mut push = |run: Run| runs.push((run.first().0, run.last().0));
    pending.settle(0, unmapped, granule(4096), |_| 0, &mut push);
    runs
}

#[test]
fn as_many_scattered_pages_go_at_once_as_the_record_has_runs() {
    let mut pending = PendingUnmap::new();
    let unit = |count| Unit {
        pgsize: 4096,
        count,
    };
    let scattered = |iova: u64| 2 * iova + 4096;
    for (asked, planned) in [(1, 1), (15, 15), (16, 16), (17, 16), (1000, 16)] {
        let plan = pending.plan(0, unit(asked), 4096, granule(4096), scattered);
        assert_eq!(plan, unit(planned));
        assert_eq!(runs(&pending, 4096 * planned).len() as u64, planned);
    }
    // A page that would fit half goes in smaller ones.
    let large = Unit {
        pgsize: 32 << 12,
        count: 3,
    };
    let sizes = 1 << 12 | 8 << 12 | 32 << 12;
    let plan = pending.plan(0, large, sizes, granule(4096), scattered);
    assert_eq!(
        plan,
        Unit {
            pgsize: 8 << 12,
            count: 2
        }
    );
}

#[test]
fn what_may_be_a_gap_is_planned_alone() {
    let mut pending = PendingUnmap::new();
    let table = [4096, 8192, 0, 0, 20480];
    let translate = |iova: u64| table.get((iova / 4096) as usize).copied().unwrap_or(0);
    let mut plan = |page: u64| {
        let unit = Unit {
            pgsize: 4096,
            count: 5 - page,
        };
        let planned = pending.plan(page * 4096, unit, 4096, granule(4096), translate);
        (planned.count, runs(&pending, planned.count * 4096))
    };
    assert_eq!(plan(0), (2, vec![(4096, 12287)]));
    assert_eq!(plan(2), (1, vec![(0, 4095)]));
    assert_eq!(plan(3), (1, vec![(0, 4095)]));
    assert_eq!(plan(4), (1, vec![(20480, 24575)]));
}

#[test]
fn runs_do_not_join_across_the_end_of_the_address_space() {
    let mut pending = PendingUnmap::default();
    let unit = Unit {
        pgsize: 4096,
        count: 2,
    };
    let top = u64::MAX - 4095;
    let plan = pending.plan(0, unit, 4096, granule(4096), |iova| top.wrapping_add(iova));
    assert_eq!(plan.count, 1);
    assert_eq!(runs(&pending, 4096), [(top, u64::MAX)]);
}

#[test]
fn nothing_planned_is_nothing_settled() {
    let mut pending = PendingUnmap::new();
    assert_eq!(runs(&pending, u64::MAX), []);
    for unit in [
        Unit {
            pgsize: 0,
            count: 1,
        },
        Unit {
            pgsize: 4096,
            count: 0,
        },
        Unit {
            pgsize: 0,
            count: 0,
        },
    ] {
        let plan = pending.plan(0, unit, 4096 | 1 << 21, granule(4096), |iova| iova + 4096);
        assert_eq!(plan.count, 0, "{unit:?}");
        assert_eq!(runs(&pending, 4096), []);
    }
    // A record is of the last plan only.
    let unit = Unit {
        pgsize: 4096,
        count: 3,
    };
    pending.plan(0, unit, 4096, granule(4096), |iova| 3 * iova + 4096);
    assert_eq!(runs(&pending, 0), []);
    pending.plan(0, Unit { count: 0, ..unit }, 4096, granule(4096), |iova| {
        iova
    });
    assert_eq!(runs(&pending, 4096), []);
}

#[test]
fn a_unit_as_large_as_the_address_space_ends() {
    let mut pending = PendingUnmap::new();
    let half = 1u64 << 63;
    let unit = Unit {
        pgsize: half,
        count: 2,
    };
    let plan = pending.plan(0, unit, half, granule(half), |iova| iova);
    assert_eq!(plan.pgsize, half);
    assert!(plan.count >= 1);
    assert_eq!(runs(&pending, half), [(0, half - 1)]);
}

/// Two pages at `FIRST` are unmapped of a table in which everything from `FIRST` on lies in
/// sequence with `mapped` pages, and `left` says where something is behind a page afterwards.
/// Returns what was settled, in bytes as `(first, count)`, and how much it is said to be.
fn settled_of_two(
    mapped: u64,
    unmapped: u64,
    left: impl Fn(u64) -> bool,
) -> (Vec<(u64, u64)>, u64) {
    const FIRST: u64 = 0x7000;
    let mut pending = PendingUnmap::new();
    let unit = Unit {
        pgsize: 4096,
        count: 2,
    };
    let phys = |iova: u64| 0x10_0000 + iova;
    let plan = pending.plan(FIRST, unit, 4096, granule(4096), |iova| {
        let is_mapped = iova - FIRST < mapped * 4096;
        if is_mapped {
            phys(iova)
        } else {
            0
        }
    });
    assert_eq!(plan, unit);
    let mut runs = Vec::new();
    let after = |iova: u64| {
        let is_left = left((iova - FIRST) / 4096);
        if is_left {
            phys(iova)
        } else {
            0
        }
    };
    let mut push = |run: Run| {
        runs.push((
            run.first().0 - phys(FIRST),
            run.last().0 - run.first().0 + 1,
        ));
    };
    let size = pending.settle(FIRST, unmapped * 4096, granule(4096), after, &mut push);
    (runs, size / 4096)
}

#[test]
fn a_leaf_that_ends_behind_the_unmap_goes_whole() {
    assert_eq!(settled_of_two(8, 8, |_| false), (vec![(0, 8 * 4096)], 8));
}

#[test]
fn a_driver_that_had_two_translations_of_a_page_has_removed_it_once() {
    // Nothing lies behind.
    assert_eq!(settled_of_two(2, 4, |_| false), (vec![(0, 2 * 4096)], 2));
    // Something does, and stays.
    assert_eq!(
        settled_of_two(8, 4, |page| page >= 2),
        (vec![(0, 2 * 4096)], 2)
    );
    // Something does, and some of it has gone.
    assert_eq!(
        settled_of_two(8, 6, |page| page >= 3),
        (vec![(0, 3 * 4096)], 3)
    );
}

#[test]
fn what_was_cut_down_ends_where_it_was_cut() {
    let mut pending = PendingUnmap::new();
    let unit = Unit {
        pgsize: 8 << 12,
        count: 4,
    };
    // Ten granules in sequence, then scattered ones: 25 fit, which are three pages and one granule.
    let table = |iova: u64| match iova >> 12 {
        page @ 0..=9 => 0x10_0000 + (page << 12),
        page => 0x20_0000 + (page << 13),
    };
    let planned = pending.plan(0, unit, 1 << 12 | 8 << 12, granule(4096), table);
    assert_eq!(planned, Unit { count: 3, ..unit });
    // However much the driver says: what lies behind the plan has not been taken.
    let mut sum = 0;
    let mut add = |run: Run| sum += run.last().0 - run.first().0 + 1;
    let size = pending.settle(0, 40 << 12, granule(4096), |_| 0, &mut add);
    assert_eq!((sum, size), (24 << 12, 24 << 12));
}
