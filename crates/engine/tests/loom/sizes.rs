//! Blocks of several sizes around one page.

use dmasan_engine::PageShift;

use crate::machine::{few_interruptions, join, Eights, Machine, PAGE};

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

#[test]
fn nothing_is_missing_while_others_map_a_block_and_unmap_a_larger_one() {
    few_interruptions(|| {
        let machine = Machine::<Eights>::with(PageShift(12), 12, 8);
        machine.map(0, 4 * PAGE);
        machine.map(4 * PAGE, 4 * PAGE);
        // A sum that has the larger block without the smaller one is too small.
        let other = machine.spawn(|machine| {
            machine.map(0, 4 * PAGE);
            machine.unmap(0, 8 * PAGE)
        });
        assert_eq!(machine.unmap(0, PAGE), 0, "false underflow");
        assert_eq!(join(other), 0, "false underflow");
        assert_eq!(machine.count(0), (0, false));
        assert_eq!(machine.count(1), (1, false));
        assert_eq!(machine.count(4), (0, false));
    });
}
