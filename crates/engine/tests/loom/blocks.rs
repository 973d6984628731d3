//! Blocks of two pages: taken apart, mapped in parts, reported.

use crate::machine::{join, Machine, PAGE};

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
