// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The parser faces logs that no kernel wrote.

use dmasan_report::{Kind, Log, Parser};
use proptest::prelude::*;

/// Fragments that bring the parser into its various states.
fn fragment() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "================================================================",
        "BUG: DMASAN: freed-while-mapped",
        "BUG: DMASAN: leak-at-domain-end in f",
        "BUG: DMASAN: nonsense",
        "page: pfn 0x10, phys 0x10000, order 4",
        "mapped: pfn 0x10-0x12, 3 pages, 3 translations",
        "mapped: pfn 0xffffffffffffffff-0x0, 3 pages",
        "overflow: pfn 0x0-0xffffffffffffffff",
        "more: 1 run, 99999999999999999999 pages",
        "Call Trace:",
        " f+0x1/0x2 [zoo]",
        "------------[ cut here ]------------",
        "WARNING: drivers/iommu/iommu-debug-pagealloc.c:93 at __iommu_debug_check_unmapped+0x1/0x2",
        "---[ end trace 0000000000000000 ]---",
        "iommu: Detected page leak!",
        "page_owner tracks the page as freed",
        "mapping: iova 0x7000, 4096 bytes, domain unmanaged 1, device a and 9 more, driver b",
        "mapping: iova 0xfffffffffffffffff, -1 bytes, domain, device, driver",
        "mapped by: a/b/7 on CPU 1 at 99999999999999999999.9s, 0.1s ago",
        "unmapped by: x/7 on CPU 1 at 0.1234567s",
        "unmapped again by: stack not recorded",
        "CPU: 1 UID: 0 PID: 7 Comm:  Tainted: G 7.3.4 #1",
        "page last allocated via order 4, pid 39, tgid 39 (a), ts 99999999999999999999",
        " <a as b>::c+0x1/0x2 [zoo",
        "WARNING: kernel/dma/debug.c:889 at f+0x1/0x2",
        "DMA-API: e1000e 0000:00:02.0: device driver frees [device address=0x1] [size=1 bytes]",
        "DMA-API: exceeded 7 overlapping mappings",
        "DMA-API: Mapped at:",
        "zoo: p01 bug amdv1: begin",
        "zoo: p01 bug amdv1: expect report pfn 0x10-0x1f",
        "zoo: p01 bug amdv1: end",
        "Linux version 7.3.4",
    ]);
    prop_oneof![
        4 => known.prop_map(str::to_owned),
        1 => ".*",
        1 => prop::collection::vec(any::<u8>(), 0..80)
            .prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
    ]
}

/// A fragment as some console would show it.
fn line() -> impl Strategy<Value = String> {
    let prefix = prop::sample::select(vec![
        "",
        "[    1.5] ",
        "[    1.5][   T1] ",
        "[    1.5][   C0] ",
        "<4>",
        "4,1,2,-,caller=T1;",
        "\u{1b}[32m",
        "[é",
        "kern :",
    ]);
    let end = prop::sample::select(vec!["", "\r", "\n"]);
    (prefix, fragment(), end).prop_map(|(prefix, text, end)| format!("{prefix}{text}{end}"))
}

const REPORT: [&str; 11] = [
    "BUG: DMASAN: unmap-underflow in g+0x1/0x2 [mine]",
    "page: pfn 0x777, phys 0x777000, order 0",
    "mapped: pfn 0x777-0x777, 1 page, 1 translation",
    "mapping: iova 0x7000, 4096 bytes, device mine",
    "mapped by: mine/999 on CPU 1 at 0.5s",
    " f+0x1/0x2 [mine]",
    "CPU: 0 UID: 0 PID: 999 Comm: mine Not tainted 7.3.4 #1",
    "Call Trace:",
    " f+0x1/0x2 [mine]",
    " g+0x1/0x2 [mine]",
    "================================================================",
];

proptest! {
    #[test]
    fn any_log_is_accepted(lines in prop::collection::vec(line(), 0..120)) {
        let log = Log::parse(&lines);
        let titles = lines.iter().filter(|l| l.contains("BUG: DMASAN: ") || l.contains("WARNING") || l.contains("leak!") || l.contains("DMA-API: "));
        prop_assert!(log.reports.len() <= titles.count());
        for report in &log.reports {
            prop_assert!(report.line >= 1 && report.line <= lines.len() as u64);
            prop_assert!(report.to_string().starts_with(&report.kind.to_string()));
        }
    }

    #[test]
    fn reports_come_in_the_order_of_the_log(lines in prop::collection::vec(line(), 0..120)) {
        let log = Log::parse(&lines);
        prop_assert!(log.reports.windows(2).all(|pair| pair[0].line < pair[1].line));
        prop_assert!(log.windows.windows(2).all(|pair| pair[0].last < pair[1].begin));
    }

    /// What comes later, or between its lines from somebody else, takes nothing from a report.
    #[test]
    fn a_complete_report_is_not_lost(
        before in prop::collection::vec(line(), 0..20),
        noise in prop::collection::vec(line(), REPORT.len()),
        after in prop::collection::vec(line(), 0..20),
        cut in 0usize..2000,
    ) {
        // Ours is of a task of its own; everybody else has another caller id, or none.
        let ours = REPORT.iter().map(|text| format!("[    1.5][  T999] {text}"));
        let mixed = ours.zip(noise).flat_map(|(ours, noise)| [ours, noise]);
        let whole: Vec<String> = before.into_iter().chain(mixed).collect();
        let text = after.join("\n");
        let cut = (0..=cut.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
        let rest = text[..cut.unwrap_or(0)].lines().map(str::to_owned);
        let log = Log::parse(whole.into_iter().chain(rest));
        let plain = Log::parse(REPORT).reports.remove(0);
        let same = |report: &&dmasan_report::Report| {
            (report.kind, &report.runs, &report.stack, &report.mappings)
                == (plain.kind, &plain.runs, &plain.stack, &plain.mappings)
        };
        let found = log.reports.iter().filter(|report| !report.truncated).find(same);
        prop_assert!(found.is_some(), "{:#?}", log.reports);
    }

    /// Wherever a log is cut, the report that had begun is there and says so.
    #[test]
    fn a_cut_report_is_marked(cut in 1usize..7) {
        let lines = [
            "BUG: DMASAN: freed-while-mapped",
            "page: pfn 0x10, phys 0x10000, order 0",
            "mapped: pfn 0x10-0x10, 1 page, 1 translation",
            "CPU: 0 UID: 0 PID: 17 Comm: insmod",
            "Call Trace:",
            " f+0x1/0x2",
            "================================================================",
        ];
        let log = Log::parse(&lines[..cut]);
        prop_assert_eq!(log.reports.len(), 1);
        prop_assert!(log.reports[0].truncated);
        prop_assert!(!Log::parse(lines).reports[0].truncated);
    }
}

#[test]
fn a_report_without_end_does_not_swallow_the_log() {
    let mut parser = Parser::new();
    assert!(parser.push("BUG: DMASAN: freed-while-mapped").is_none());
    let swallowed = (0..100_000).position(|_| parser.push("noise").is_some());
    assert!(swallowed.is_some_and(|lines| lines < 1000), "{swallowed:?}");
    assert!(parser.push("BUG: DMASAN: count-overflow").is_none());
    assert_eq!(parser.finish()[0].kind, Kind::CountOverflow);
}
