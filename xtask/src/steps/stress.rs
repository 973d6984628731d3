//! Random use of page tables and pages, in several threads: rightly, where nothing may be reported, and wrongly, where
//! everything must be.

use std::time::Duration;

use anyhow::Result;
use dmasan_lab::{Boot, Guest, GuestModule, Implementation, Kernel, Lab, MachineKind, OwnModule};
use dmasan_report::{Log, MappedRun, Report};

use super::guest;
use crate::tally::Tally;

/// How long it takes as a step of the tests.
const SECONDS: u64 = 30;

/// Of blocks that are freed, one in so many is wrong; the time goes by with printing reports.
const WRONG: u32 = 100;

/// What booting and the end take besides; a host may be slow.
const REST: Duration = Duration::from_secs(60);

/// Threads: more than processors, so that they interrupt each other.
const THREADS: u32 = 4;

/// As a step of the tests.
pub(super) fn run() -> Result<Tally> {
    stress(SECONDS, 1)
}

/// For so many seconds in all: two thirds of them rightly, the rest wrongly.
pub(crate) fn stress(seconds: u64, seed: u64) -> Result<Tally> {
    let lab = guest::lab()?;
    let kernel = guest::kernel(&lab, Implementation::Rust)?;
    stress_on(&lab, &kernel, seconds, seed, 0)
}

/// In this kernel; with `faults`, in one of so many maps an allocation fails.
pub(super) fn stress_on(
    lab: &Lab,
    kernel: &Kernel,
    seconds: u64,
    seed: u64,
    faults: u32,
) -> Result<Tally> {
    let wrongly = seconds / 3;
    let mut tally = Tally::default();

    let params = format!("seed={seed} faults={faults} wrong=0");
    let boot = boot(lab, kernel, seconds - wrongly, &params)?;
    guest::expect_silence(&mut tally, "stress, rightly", &boot);
    guest::expect_no_complaint(&mut tally, "stress, rightly", &boot, "stress: begin");
    expect_lockdep(&mut tally, "stress, rightly", &boot);
    let done = expect_done(&mut tally, "stress, rightly", &boot);
    if faults != 0 {
        tally.check(
            "stress, rightly: allocations have failed",
            done.is_some_and(|done| done.faults > 100),
        );
    }

    let params = format!("seed={seed} faults={faults} wrong={WRONG}");
    let boot = self::boot(lab, kernel, wrongly, &params)?;
    guest::expect_end(&mut tally, "stress, wrongly", &boot);
    guest::expect_no_complaint(&mut tally, "stress, wrongly", &boot, "stress: begin");
    expect_lockdep(&mut tally, "stress, wrongly", &boot);
    let done = expect_done(&mut tally, "stress, wrongly", &boot);
    let (caught, faults) = judge(&boot.console);
    for fault in &faults {
        println!("   {fault} (see {})", boot.log.display());
    }
    tally.check(
        "stress, wrongly: each wrong free is one report",
        faults.is_empty(),
    );
    tally.check(
        "stress, wrongly: all wrong frees are in the log",
        caught > 0 && done.is_some_and(|done| done.wrong == caught),
    );
    Ok(tally)
}

/// Allocations that a thread asks for can be made to fail, where the kernel can do that. Lockdep says at the end whether it
/// is still on, where there is one: it gives up at the first thing that it does not like, be it somebody else's.
const COMMAND: &str = "\
for attributes in /sys/kernel/debug/fail_page_alloc /sys/kernel/debug/failslab; do
    [ -d $attributes ] || continue
    echo 0 > $attributes/verbose
    echo N > $attributes/ignore-gfp-wait
    [ ! -e $attributes/min-order ] || echo 0 > $attributes/min-order
done
insmod \"$@\"
status=$?
[ ! -e /proc/lockdep_stats ] || grep debug_locks: /proc/lockdep_stats
exit $status
";

fn boot(lab: &Lab, kernel: &Kernel, seconds: u64, params: &str) -> Result<Boot> {
    let module = lab.own_module(kernel, OwnModule::Stress)?;
    let millis = seconds.saturating_mul(1000);
    let mut command = ["sh", "-c", COMMAND, "sh", "/modules/stress.ko"]
        .map(str::to_owned)
        .to_vec();
    command.extend(guest::words(&format!(
        "threads={THREADS} millis={millis} {params}"
    )));
    if kernel.machine != MachineKind::Uml {
        // All but the last, Arm's v7s: a serial line has no time for what that says of holes.
        command.push("formats=5".to_owned());
    }
    let guest = Guest {
        modules: vec![GuestModule {
            path: module,
            params: String::new(),
        }],
        load: false,
        command,
        append: guest::words("iommu.debug_pagealloc=1"),
        timeout: Duration::from_secs(seconds) + REST,
        ..Guest::default()
    };
    Ok(lab.boot(kernel, &guest, &mut |_| ())?)
}

/// One test, where there is a lockdep: it is still on.
fn expect_lockdep(tally: &mut Tally, what: &str, boot: &Boot) {
    let state = |line: &String| Some(line.trim().strip_prefix("debug_locks:")?.trim() == "1");
    if let Some(on) = boot.console.iter().find_map(state) {
        tally.check(&format!("{what}: lockdep is still on"), on);
    }
}

/// What the module says at its end.
#[derive(Debug, PartialEq, Eq)]
struct Done {
    wrong: u64,
    faults: u64,
    drained: u64,
}

/// One test: the module has come to its end, and most of the memory has gone through the page allocator's checks.
fn expect_done(tally: &mut Tally, what: &str, boot: &Boot) -> Option<Done> {
    let end = boot.console.iter().rev().find_map(|line| done(line));
    if let Some((words, _)) = &end {
        println!("   {what}: {words}");
    }
    // Of 256 MiB.
    let most = 40_000;
    let all = end.as_ref().is_some_and(|(_, done)| done.drained > most);
    tally.check(&format!("{what}: done, and every page looked at"), all);
    end.map(|(_, done)| done)
}

fn done(line: &str) -> Option<(&str, Done)> {
    let words = dmasan_report::message(line).strip_prefix("stress: end ")?;
    let number = |name: &str| {
        let value = words.split(' ').find_map(|word| word.strip_prefix(name))?;
        value.strip_prefix('=')?.parse().ok()
    };
    let done = Done {
        wrong: number("wrong")?,
        faults: number("faults")?,
        drained: number("drained")?,
    };
    Some((words, done))
}

/// What is in the log, by line.
enum Event {
    /// A page that is about to be freed while mapped.
    Wrong(u64),
    Report(Box<Report>),
}

/// Whether every announced page is followed by one report of it and nothing else; how many are, and what is not so.
fn judge(console: &[String]) -> (u64, Vec<String>) {
    let mut events: Vec<(u64, Event)> = Vec::new();
    for (number, line) in (1..).zip(console) {
        if let Some(pfn) = announced(line) {
            events.push((number, Event::Wrong(pfn)));
        }
    }
    for report in Log::parse(console).reports {
        events.push((report.line, Event::Report(Box::new(report))));
    }
    events.sort_by_key(|(line, _)| *line);

    let (mut caught, mut faults) = (0, Vec::new());
    let mut open: Option<u64> = None;
    for (line, event) in events {
        match (event, open) {
            (Event::Wrong(pfn), None) => open = Some(pfn),
            (Event::Wrong(next), Some(missed)) => {
                faults.push(format!("line {line}: pfn {missed:#x} was not reported"));
                open = Some(next);
            }
            (Event::Report(report), Some(pfn)) if names_only(&report.runs, pfn) => {
                caught += 1;
                open = None;
            }
            (Event::Report(report), _) => {
                faults.push(format!("line {line}: not announced: {}", report.title));
            }
        }
    }
    if let Some(missed) = open {
        faults.push(format!("the last, pfn {missed:#x}, was not reported"));
    }
    (caught, faults)
}

/// The page in `stress: wrong pfn 0x1a2b`.
fn announced(line: &str) -> Option<u64> {
    let pfn = dmasan_report::message(line).strip_prefix("stress: wrong pfn 0x")?;
    u64::from_str_radix(pfn.trim_end(), 16).ok()
}

/// Whether a report is about this page and no other.
fn names_only(runs: &[MappedRun], pfn: u64) -> bool {
    matches!(runs, [run] if run.first_pfn.0 == pfn && run.last_pfn.0 == pfn)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge_lines(lines: &[&str]) -> (u64, usize) {
        let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        let (caught, faults) = judge(&lines);
        (caught, faults.len())
    }

    const WRONG: &str = "[    0.09] stress: wrong pfn 0x10e4";
    const BUG: &str = "[    0.10] BUG: DMASAN: freed-while-mapped";
    const RUN: &str = "[    0.10] mapped: pfn 0x10e4-0x10e4, 1 page, 1 translation";
    const OTHER: &str = "[    0.10] mapped: pfn 0x10e5-0x10e5, 1 page, 1 translation";

    #[test]
    fn one_report_for_each_announcement_is_right() {
        assert_eq!(judge_lines(&[WRONG, BUG, RUN, WRONG, BUG, RUN]), (2, 0));
        assert_eq!(judge_lines(&[]), (0, 0));
    }

    #[test]
    fn no_report_and_a_second_one_are_faults() {
        assert_eq!(judge_lines(&[WRONG]), (0, 1));
        assert_eq!(judge_lines(&[WRONG, WRONG, BUG, RUN]), (1, 1));
        assert_eq!(judge_lines(&[WRONG, BUG, RUN, BUG, RUN]), (1, 1));
        assert_eq!(judge_lines(&[BUG, RUN, WRONG, BUG, RUN]), (1, 1));
    }

    #[test]
    fn a_report_of_another_page_is_a_fault() {
        // It is not announced, and the announced one is missed.
        assert_eq!(judge_lines(&[WRONG, BUG, OTHER]), (0, 2));
    }

    #[test]
    fn the_end_is_read() {
        let line =
            "[    3.11] stress: end wrong=7 faults=3 blocks=92378 domains=1 maps=2 unmaps=3 drained=57796";
        let (_, done) = done(line).unwrap();
        assert_eq!(
            done,
            Done {
                wrong: 7,
                faults: 3,
                drained: 57796
            }
        );
    }
}
