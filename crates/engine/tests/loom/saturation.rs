//! Pages with more translations than can be counted.

use dmasan_engine::PageShift;

use crate::machine::{join, Machine, Pairs};

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
