//! What may happen to a machine, and how likely.

use dmasan_engine::{Granule, PhysAddr, Run};
use proptest::prelude::*;

/// Size of a window of addresses.
pub(crate) const WINDOW: u64 = 512 << 10;
/// Where memory is: at zero, across 4 GiB, and at the end.
pub(crate) const MEMORY: [u64; 3] = [0, (4 << 30) - WINDOW / 2, u64::MAX - (WINDOW - 1)];
/// Where translations are.
pub(crate) const IOVAS: [u64; 2] = [0, u64::MAX - (WINDOW - 1)];

/// A window of addresses and a place in it. Numbers are taken modulo what there is.
pub(crate) type Place = (usize, u64);

/// The granule-aligned part of a window from `at` on, `granules` long or to its end.
pub(crate) fn part(base: u64, at: u64, granules: u64, granule: Granule) -> (u64, u64) {
    let slots = WINDOW / granule.bytes();
    let slot = at % slots;
    let len = granules.clamp(1, slots - slot);
    (base + slot * granule.bytes(), len * granule.bytes())
}

/// A granule-aligned run of memory, no longer than its window.
pub(crate) fn memory_run(phys: Place, granules: u64, granule: Granule) -> Run {
    let (start, len) = part(MEMORY[phys.0 % MEMORY.len()], phys.1, granules, granule);
    Run::new(PhysAddr(start), len).expect("not empty")
}

/// How the core learns which translations an unmap takes away.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Path {
    /// A walk hands over the leaves.
    Walk,
    /// Addresses are looked up one by one beforehand.
    LookUp,
}

/// One thing that happens. Numbers are taken modulo what there is.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// The driver maps `fails` granules at most, then says so, correctly or (`ragged`) as if part
    /// of a granule were missing.
    Map {
        domain: usize,
        iova: Place,
        phys: Place,
        granules: u64,
        fails: u64,
        ragged: bool,
    },
    /// An unmap that begins with a leaf, and may be too short or too long.
    Unmap {
        domain: usize,
        leaf: usize,
        granules: u64,
        path: Path,
    },
    /// An unmap of anything.
    UnmapAnywhere {
        domain: usize,
        iova: Place,
        granules: u64,
        path: Path,
    },
    /// Something is uncounted that was never counted.
    Bogus {
        domain: usize,
        phys: Place,
        granules: u64,
    },
    /// A domain goes with all that is live in it; every `spares`-th page is not a leak.
    End { domain: usize, spares: u64 },
    /// Pages are allocated or freed.
    Check { phys: Place, order: u32 },
    /// A section that is online goes offline, or the other way round.
    Hotplug { phys: Place },
}

/// Histories of some length.
pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let place = || (any::<usize>(), any::<u64>());
    let path = prop_oneof![Just(Path::Walk), Just(Path::LookUp)].boxed();
    let fails = prop_oneof![3 => Just(u64::MAX), 1 => 0..40u64];
    let map = (
        any::<usize>(),
        place(),
        place(),
        1..64u64,
        fails,
        any::<bool>(),
    )
        .prop_map(|(domain, iova, phys, granules, fails, ragged)| Step::Map {
            domain,
            iova,
            phys,
            granules,
            fails,
            ragged,
        });
    let unmap = (any::<usize>(), any::<usize>(), 1..64u64, path.clone()).prop_map(
        |(domain, leaf, granules, path)| Step::Unmap {
            domain,
            leaf,
            granules,
            path,
        },
    );
    let anywhere =
        (any::<usize>(), place(), 1..64u64, path).prop_map(|(domain, iova, granules, path)| {
            Step::UnmapAnywhere {
                domain,
                iova,
                granules,
                path,
            }
        });
    let bogus =
        (any::<usize>(), place(), 1..16u64).prop_map(|(domain, phys, granules)| Step::Bogus {
            domain,
            phys,
            granules,
        });
    let end = (any::<usize>(), 0..4u64).prop_map(|(domain, spares)| Step::End { domain, spares });
    let check = (place(), 0..7u32).prop_map(|(phys, order)| Step::Check { phys, order });
    let hotplug = place().prop_map(|phys| Step::Hotplug { phys });
    let step = prop_oneof![8 => map, 6 => unmap, 1 => anywhere, 1 => bogus, 1 => end, 4 => check, 1 => hotplug];
    prop::collection::vec(step, 1..40)
}
