// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Verdicts on logs that are written for the purpose.

use super::*;

const CASE: Case = Case {
    number: 1,
    title: "a driver",
    bug: Expect::Report,
    twin: Expect::Silent,
    source: "",
};

fn judge_bug(lines: &str) -> CaseVerdict {
    judge(
        &CASE,
        Variant::Bug,
        &["amdv1"],
        Log::parse(lines.lines()),
        None,
    )
}

fn judge_twin(lines: &str) -> CaseVerdict {
    judge(
        &CASE,
        Variant::Twin,
        &["amdv1"],
        Log::parse(lines.lines()),
        None,
    )
}

/// A window of the bug case around `body`, which is announced as a report of `pages`.
fn window(pages: &str, body: &str) -> String {
    format!(
        "zoo: p01 bug amdv1: begin\nzoo: p01 bug amdv1: expect report pfn {pages}\n{body}\nzoo: p01 bug amdv1: end\n"
    )
}

fn twin_window(body: &str) -> String {
    format!("zoo: p01 twin amdv1: begin\nzoo: p01 twin amdv1: expect silent\n{body}\nzoo: p01 twin amdv1: end\n")
}

fn report(kind: &str, pages: &str) -> String {
    let bar = "=".repeat(66);
    format!("{bar}\nBUG: DMASAN: {kind}\nmapped: pfn {pages}\n{bar}")
}

fn freed(pages: &str) -> String {
    report("freed-while-mapped", pages)
}

const C_REPORT: &str = "\
WARNING: drivers/iommu/iommu-debug-pagealloc.c:93 at __iommu_debug_check_unmapped+0x1/0x2, CPU#0: x/1
---[ end trace 0000000000000000 ]---
iommu: Detected page leak!
page_owner free stack trace missing";

const C_ACCOUNTING: &str = "\
WARNING: drivers/iommu/iommu-debug-pagealloc.c:117 at __iommu_unmap+0x1/0x2, CPU#0: x/1
---[ end trace 0000000000000000 ]---";

#[test]
fn a_report_that_names_the_page_catches_the_bug() {
    let verdict = judge_bug(&window("0x10-0x11", &freed("0x10-0x11")));
    assert!(verdict.ok() && verdict.caught(), "{verdict:?}");
    assert_eq!(verdict.named(), Some(Naming::All));
}

#[test]
fn silence_misses_the_bug() {
    let verdict = judge_bug(&window("0x10", "noise"));
    assert!(verdict.missed() && !verdict.ok());
    assert_eq!(verdict.false_alarms(), 0);
}

#[test]
fn a_report_of_another_page_is_a_false_alarm_and_catches_nothing() {
    let verdict = judge_bug(&window("0x10", &freed("0x20")));
    assert!(verdict.missed() && !verdict.ok());
    assert_eq!(verdict.false_alarms(), 1);
}

#[test]
fn a_report_that_also_names_an_innocent_page_is_a_false_alarm() {
    let verdict = judge_bug(&window("0x10-0x11", &freed("0x11-0x12")));
    assert_eq!((verdict.ok(), verdict.false_alarms()), (false, 1));
}

#[test]
fn a_right_report_does_not_excuse_a_wrong_one() {
    let body = format!("{}\n{}", freed("0x10"), freed("0x99"));
    let verdict = judge_bug(&window("0x10", &body));
    assert!(verdict.caught() && !verdict.ok());
    assert_eq!((verdict.formats[0].reports, verdict.false_alarms()), (2, 1));
}

#[test]
fn a_miscount_is_no_report_of_the_bug() {
    let verdict = judge_bug(&window("0x10", &report("unmap-underflow", "0x10")));
    assert!(verdict.missed());
    assert_eq!(verdict.false_alarms(), 1);
}

#[test]
fn a_rust_report_without_pages_is_a_false_alarm() {
    let verdict = judge_bug(&window("0x10", "BUG: DMASAN: freed-while-mapped"));
    assert_eq!((verdict.caught(), verdict.false_alarms()), (false, 1));
}

#[test]
fn several_reports_together_may_name_all_pages() {
    let body = format!("{}\n{}", freed("0x10"), freed("0x11"));
    assert_eq!(
        judge_bug(&window("0x10-0x11", &body)).named(),
        Some(Naming::All)
    );
    assert_eq!(
        judge_bug(&window("0x10-0x12", &body)).named(),
        Some(Naming::Part)
    );
    let twice = format!("{}\n{}", freed("0x10"), freed("0x10"));
    assert_eq!(
        judge_bug(&window("0x10-0x11", &twice)).named(),
        Some(Naming::Part)
    );
}

#[test]
fn a_report_before_its_announcement_or_after_its_end_is_a_false_alarm() {
    let log = window("0x10", &freed("0x10"));
    let early = log.replacen(
        "zoo: p01 bug amdv1: expect",
        &format!("{}\nzoo: p01 bug amdv1: expect", freed("0x10")),
        1,
    );
    assert_eq!(
        (judge_bug(&early).ok(), judge_bug(&early).false_alarms()),
        (false, 1)
    );
    let late = format!("{log}{}", freed("0x10"));
    let verdict = judge_bug(&late);
    assert_eq!((verdict.ok(), verdict.strays), (false, 1));
}

#[test]
fn an_announcement_holds_up_to_the_next() {
    let quiet = "zoo: p01 bug amdv1: expect silent";
    let good = window("0x10", &format!("{}\n{quiet}", freed("0x10")));
    assert!(judge_bug(&good).ok());
    let late = window("0x10", &format!("{quiet}\n{}", freed("0x10")));
    let verdict = judge_bug(&late);
    assert!(verdict.missed());
    assert_eq!((verdict.seen(), verdict.false_alarms()), (Sound::Silent, 1));
}

#[test]
fn a_twin_must_stay_silent() {
    assert!(judge_twin(&twin_window("noise")).ok());
    let verdict = judge_twin(&twin_window(&freed("0x10")));
    assert_eq!(
        (verdict.ok(), verdict.seen(), verdict.false_alarms()),
        (false, Sound::Report, 1)
    );
    assert_eq!(verdict.named(), None);
}

#[test]
fn a_window_that_is_not_complete_does_not_count() {
    let log = window("0x10", &freed("0x10"));
    let cut = log.replace("zoo: p01 bug amdv1: end\n", "");
    let verdict = judge(
        &CASE,
        Variant::Bug,
        &["amdv1"],
        Log::parse(cut.lines()),
        Some("the kernel panicked"),
    );
    assert!(!verdict.ok() && !verdict.caught() && !verdict.missed());
    assert_eq!(
        verdict.problem().as_deref(),
        Some("amdv1: broke off, the kernel panicked")
    );

    let failed = log.replace("end\n", "failed: ENOMEM\n");
    assert_eq!(
        judge_bug(&failed).problem().as_deref(),
        Some("amdv1: could not run: ENOMEM")
    );
    assert_eq!(
        judge_bug("").problem().as_deref(),
        Some("amdv1: did not run")
    );
}

#[test]
fn every_format_has_to_agree() {
    let both = |second: &str| {
        let log =
            window("0x10", &freed("0x10")) + &window("0x10", second).replace("amdv1", "vtdss");
        judge(
            &CASE,
            Variant::Bug,
            &["amdv1", "vtdss"],
            Log::parse(log.lines()),
            None,
        )
    };
    assert!(both(&freed("0x10")).ok());
    let verdict = both("");
    assert!(verdict.missed() && !verdict.ok());
}

#[test]
fn a_module_that_announces_something_else_is_not_believed() {
    let log = twin_window("").replace("twin", "bug");
    assert!(judge_bug(&log)
        .problem()
        .is_some_and(|why| why.contains("catalog")));
}

#[test]
fn the_c_implementation_catches_bugs_without_naming_pages() {
    let verdict = judge_bug(&window("0x10", C_REPORT));
    assert!(verdict.ok() && verdict.caught());
    assert_eq!(verdict.named(), Some(Naming::None));
}

#[test]
fn an_accounting_warning_of_the_c_implementation_is_a_false_alarm() {
    let verdict = judge_bug(&window("0x10", &format!("{C_ACCOUNTING}\n{C_REPORT}")));
    assert!(verdict.caught() && !verdict.ok());
    assert_eq!(verdict.false_alarms(), 1);
}

#[test]
fn a_device_does_harm_if_and_only_if_its_driver_is_wrong() {
    let deed = |bytes: u64| format!("zoo: p01 bug amdv1: overwritten {bytes} bytes");
    let bug = |bytes| {
        judge_bug(&window(
            "0x10",
            &format!("{}\n{}", freed("0x10"), deed(bytes)),
        ))
    };
    assert!(bug(4096).ok() && bug(4096).formats[0].overwritten == Some(4096));
    assert!(bug(0).problem().is_some());
    let twin = |bytes| judge_twin(&twin_window(&deed(bytes).replace("bug", "twin")));
    assert!(twin(0).ok());
    assert!(twin(1).problem().is_some());
}
