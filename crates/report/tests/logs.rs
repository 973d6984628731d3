// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Whole logs, parsed. Those named `c-*` and `*-captured` come from a kernel, the others are
//! written by hand in the shape that the kernel prints.

use dmasan_report::{Expectation, Implementation, Kind, Log, Report, Stack};

/// The text of a log in `tests/logs`.
fn read(name: &str) -> String {
    let path = format!("{}/tests/logs/{name}.log", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn load(name: &str) -> Log {
    Log::parse(read(name).lines())
}

/// The text forms of all reports of a log.
fn text(log: &Log) -> String {
    log.reports
        .iter()
        .map(|report| format!("{}: {report}\n", report.line))
        .collect()
}

#[test]
fn two_reports_of_the_rust_implementation() {
    let log = load("rust-two-reports");
    insta::assert_snapshot!(text(&log));
    assert!(log.reports.iter().all(|report| !report.truncated));
}

#[test]
fn reports_are_put_down_to_the_window_in_which_they_begin() {
    let log = load("rust-two-reports");
    let kinds = |at: usize| {
        log.reports_in(&log.windows[at])
            .map(|r| r.kind)
            .collect::<Vec<_>>()
    };
    assert_eq!(log.windows.len(), 2);
    assert_eq!(kinds(0), [Kind::FreedWhileMapped]);
    assert_eq!(kinds(1), [Kind::LeakAtDomainEnd]);
    assert_eq!(log.reports_outside().count(), 0);
}

#[test]
fn reports_of_the_rust_implementation_as_a_kernel_prints_them() {
    let log = load("rust-captured");
    let kinds: Vec<Kind> = log.reports.iter().map(|report| report.kind).collect();
    assert_eq!(kinds, [Kind::FreedWhileMapped, Kind::LeakAtDomainEnd]);
    for (window, report) in log.windows.iter().zip(&log.reports) {
        let Expectation::Report(pages) = window.expected[0].what else {
            panic!("{window:?}")
        };
        assert_eq!(report.runs.len(), 1);
        assert_eq!(report.runs[0].range(), Some(pages));
        assert!(!report.truncated && !report.frames.is_empty());
    }
}

#[test]
fn a_report_with_reliable_frames_as_a_kernel_prints_it() {
    insta::assert_snapshot!(text(&load("rust-frame-pointers-captured")));
}

#[test]
fn readable_text_has_no_mangled_names() {
    let log = load("rust-captured");
    let text: Vec<String> = log.reports[0].readable().collect();
    assert_eq!(text[0], "BUG: DMASAN: freed-while-mapped");
    assert!(text
        .iter()
        .any(|line| line.contains("zoo_main::cases::p15::bug+")));
    assert!(!text.iter().any(|line| line.contains("_RN")));
}

#[test]
fn people_are_spared_unreliable_frames_where_there_are_reliable_ones() {
    let trace = |frames: [&str; 2]| {
        let [first, second] = frames;
        let lines = [
            "BUG: DMASAN: freed-while-mapped",
            "Call Trace:",
            first,
            second,
        ];
        let log = Log::parse(lines);
        let shown: Vec<String> = log.reports[0].trace().collect();
        let readable = log.reports[0].readable().count() - 2;
        assert_eq!(readable, shown.len());
        shown
    };
    assert_eq!(trace([" a+0x1/0x2", " ? b+0x1/0x2"]), ["a+0x1/0x2"]);
    assert_eq!(trace([" ? a+0x1/0x2", " ? b+0x1/0x2"]).len(), 2);
}

#[test]
fn caller_ids_keep_interleaved_reports_apart() {
    let log = load("rust-interleaved");
    insta::assert_snapshot!(text(&log));
    assert!(!log
        .reports
        .iter()
        .any(|r| r.text.iter().any(|line| line.contains("e1000e"))));
}

#[test]
fn foreign_lines_without_caller_ids_do_no_harm() {
    let plain = load("rust-two-reports");
    let path = format!(
        "{}/tests/logs/rust-two-reports.log",
        env!("CARGO_MANIFEST_DIR")
    );
    let lines = std::fs::read_to_string(path).unwrap();
    let noisy = lines
        .lines()
        .flat_map(|line| [line, "[    9.9] usb 1-1: new device\r"]);
    let noisy = Log::parse(noisy);
    let facts = |r: &Report| {
        (
            r.kind,
            r.page,
            r.runs.clone(),
            r.more,
            r.total,
            r.frames.clone(),
        )
    };
    assert_eq!(
        noisy.reports.iter().map(facts).collect::<Vec<_>>(),
        plain.reports.iter().map(facts).collect::<Vec<_>>()
    );
}

#[test]
fn what_is_left_of_cut_logs_of_both_implementations_is_found() {
    insta::assert_snapshot!(text(&load("mixed-truncated")));
}

#[test]
fn the_c_check_at_a_free() {
    let log = load("c-freed");
    insta::assert_snapshot!(text(&log));
    assert_eq!(log.reports_in(&log.windows[0]).count(), 1);
}

#[test]
fn the_c_check_at_an_allocation() {
    let log = load("c-allocated");
    let [report] = &log.reports[..] else {
        panic!("{:?}", log.reports)
    };
    assert_eq!(
        (report.implementation, report.kind),
        (Implementation::C, Kind::AllocatedWhileMapped)
    );
    assert!(!report.truncated && !report.names_pages());
    assert!(report
        .text
        .last()
        .unwrap()
        .starts_with("page_owner free stack trace"));
}

#[test]
fn the_c_accounting_warning_is_not_a_found_mapping() {
    let kinds = |log: Log| log.reports.iter().map(|r| r.kind).collect::<Vec<_>>();
    assert_eq!(
        kinds(load("c-accounting")),
        [Kind::AccountingWarning, Kind::FreedWhileMapped]
    );
}

#[test]
fn origins_and_stacks_are_told_apart() {
    let log = load("rust-origins");
    insta::assert_snapshot!(text(&log));
    let [first, second, third, newer] = &log.reports[..] else {
        panic!("{:?}", log.reports)
    };
    let guilty = |stack: &Stack| {
        stack
            .guilty()
            .map(|frame| (frame.function.clone(), frame.offset))
    };
    let bug = "zoo_main::cases::p15::bug".to_owned();
    assert_eq!(guilty(&first.mappings[0].mapped), Some((bug.clone(), 0x82)));
    assert_eq!(guilty(&first.stack), Some((bug.clone(), 0xd2)));
    assert_eq!(guilty(first.allocated.as_ref().unwrap()), Some((bug, 0x41)));
    assert!(first.mappings[1].is_unknown());
    assert_eq!(first.device.as_deref(), Some("0000:00:03.0"));
    assert_eq!(first.kernel.as_deref(), Some("7.3.4"));

    let before = second.unmapped.as_ref().unwrap();
    assert_eq!(guilty(before), Some(("edu_complete".to_owned(), 0x82)));
    assert_eq!(second.act.as_deref(), Some("found"));
    assert_eq!(second.culprit().unwrap().function, "edu_reset");

    assert_eq!(
        (third.kind, third.total.unwrap().pages),
        (Kind::LeakAtUnbind, 3)
    );
    assert_eq!(newer.kind, Kind::Other);
}

#[test]
fn reports_of_dma_api_debug() {
    let log = load("dma-api");
    insta::assert_snapshot!(text(&log));
    let [size, leak, invalid] = &log.reports[..] else {
        panic!("{:?}", log.reports)
    };
    assert_eq!(size.culprit().unwrap().function, "e1000_clean_rx_ring");
    assert_eq!(leak.culprit().unwrap().function, "e1000_xmit_frame");
    assert_eq!(
        (size.truncated, leak.truncated, invalid.truncated),
        (false, false, true)
    );
    assert_eq!(invalid.kind, Kind::DmaApiUnknownFree);
}

#[test]
fn reports_that_dma_api_debug_has_printed() {
    let log = load("dma-api-captured");
    let [size, unknown, leak] = &log.reports[..] else {
        panic!("{:?}", log.reports)
    };
    assert_eq!(size.kind, Kind::DmaApiMismatchedFree);
    assert_eq!(size.driver.as_deref(), Some("edu"));
    assert_eq!(
        size.culprit().unwrap().function,
        "edu_main::cases::p03::bug"
    );
    assert_eq!(unknown.kind, Kind::DmaApiUnknownFree);
    assert_eq!(unknown.device.as_deref(), Some("pci0000:00"));
    assert_eq!(
        unknown.culprit().unwrap().function,
        "edu_main::cases::p05::bug"
    );
    assert_eq!(leak.kind, Kind::DmaApiLeak);
    assert!(log.reports.iter().all(|report| !report.truncated));
}

/// Whatever a log was read with, it says the same.
#[test]
fn every_way_to_read_a_log_gives_the_same_reports() {
    // Without the log's own stamps.
    let lines: Vec<String> = [
        "rust-frame-pointers-captured",
        "c-freed",
        "dma-api",
        "rust-origins",
    ]
    .iter()
    .flat_map(|name| read(name).lines().map(str::to_owned).collect::<Vec<_>>())
    .map(|line| dmasan_report::message(&line).to_owned())
    .filter(|line| !line.contains("NIC Link is Up"))
    .collect();
    let plain = Log::parse(&lines).reports;
    assert_eq!(plain.len(), 9);
    type Way = fn(&str) -> String;
    let ways: [(&str, Way); 10] = [
        ("dmesg", |line| format!("[    1.234567] {line}")),
        ("dmesg -T", |line| {
            format!("[Mon Nov 23 01:34:00 2026] {line}")
        }),
        ("dmesg -x", |line| {
            format!("kern  :warn  : [    1.234567] {line}")
        }),
        ("dmesg -r", |line| format!("<3>[    1.234567] {line}")),
        ("dmesg --color", |line| {
            format!("\u{1b}[32m[    1.234567] \u{1b}[0m\u{1b}[1m{line}\u{1b}[0m")
        }),
        ("caller ids", |line| {
            format!("[    1.234567][   T17] {line}")
        }),
        ("kmsg", |line| format!("4,77,1234567,-,caller=T17;{line}")),
        ("journald", |line| {
            format!("Nov 23 01:34:00 host kernel: {line}")
        }),
        ("serial", |line| format!("\r[    1.234567] {line}\r\r\n")),
        ("CI", |line| {
            format!("2026-11-23T01:34:00.1234567Z [    1.234567] {line}")
        }),
    ];
    for (name, way) in ways {
        assert_eq!(
            Log::parse(lines.iter().map(|line| way(line))).reports,
            plain,
            "{name}"
        );
    }
}

#[test]
fn the_json_form_is_stable() {
    let log = load("rust-two-reports");
    insta::assert_snapshot!(serde_json::to_string_pretty(&log.reports[0]).unwrap());
}

#[test]
fn the_json_form_can_be_read_back() {
    for name in [
        "rust-two-reports",
        "rust-interleaved",
        "mixed-truncated",
        "c-freed",
        "rust-origins",
        "dma-api",
    ] {
        for report in load(name).reports {
            let json = serde_json::to_string(&report).unwrap();
            assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
        }
    }
}
