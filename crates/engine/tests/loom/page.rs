//! One page, or two that are mapped as a run.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use loom::sync::atomic::{AtomicU32, Ordering};
use loom::sync::Arc;

use crate::machine::{few_interruptions, join, Machine, PAGE};

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
