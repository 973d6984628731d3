//! What the steps that boot something have in common.

use std::sync::Arc;

use anyhow::Result;
use dmasan_lab::{Boot, Implementation, Kernel, KernelRequest, Lab, MachineKind, Quiet};
use dmasan_report::{Log, Report};

use crate::tally::Tally;

/// The lab, with the cache that the tool uses.
pub(crate) fn lab() -> Result<Lab> {
    Ok(Lab::open(None, Arc::new(Quiet))?)
}

/// A kernel, which an earlier step has built unless this one runs alone.
pub(super) fn kernel(lab: &Lab, implementation: Implementation) -> Result<Kernel> {
    Ok(lab.kernel(&KernelRequest::new(MachineKind::Uml, implementation))?)
}

/// The words of a text.
pub(crate) fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// What the sanitizer has said.
pub(crate) fn reports(boot: &Boot) -> Vec<Report> {
    Log::parse(boot.console.iter().map(String::as_str)).reports
}

/// One test: nobody else in the kernel had anything to complain about either, from the line on that begins with `from`.
/// What the machine does while it starts is not ours.
pub(super) fn expect_no_complaint(tally: &mut Tally, what: &str, boot: &Boot, from: &str) {
    let lines: Vec<&str> = boot
        .console
        .iter()
        .map(|line| dmasan_report::message(line))
        .skip_while(|line| !line.starts_with(from))
        .collect();
    if lines.is_empty() {
        tally.fail(&format!("{what}: has not begun"));
    }
    let complaints = complaints(&lines);
    for line in &complaints {
        println!("   {line}");
    }
    if !complaints.is_empty() {
        println!("   see {}", boot.log.display());
    }
    tally.check(
        &format!("{what}: the kernel does not complain"),
        complaints.is_empty(),
    );
}

/// The first lines of all complaints that are worth it.
fn complaints<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    // User-Mode Linux itself allocates memory with interrupts off when it connects its consoles.
    const ITS_OWN: &str = "um_request_irq";
    const NEAR: usize = 12;
    let its_own = |at: usize| lines[at..].iter().take(NEAR).any(|l| l.contains(ITS_OWN));
    (0..lines.len())
        .filter(|&at| is_complaint(lines[at]) && !its_own(at))
        .map(|at| lines[at])
        .collect()
}

/// Whether a line is the first one of a complaint of the kernel's own.
fn is_complaint(line: &str) -> bool {
    const BEGINNINGS: &[&str] = &[
        "BUG: ",
        "WARNING: ",
        "INFO: ",
        "ODEBUG: ",
        "DEBUG_LOCKS_WARN_ON",
        "UBSAN: ",
        "kernel BUG at ",
        "list_add corruption",
        "list_del corruption",
        "Bad page state",
        "Oops",
    ];
    const EXPECTED: &[&str] = &[
        // The sanitizer's own are looked at elsewhere.
        "BUG: DMASAN: ",
        // What Arm's tables say of an unmap that meets a hole or would cut a leaf, as some of our tests mean it to.
        // Kernels that do not know their files name the function alone.
        "WARNING: drivers/iommu/io-pgtable-arm",
        "WARNING: at __arm_lpae_unmap+",
        // Part of another complaint.
        "INFO: lockdep is turned off",
    ];
    let begins = |list: &[&str]| list.iter().any(|begin| line.starts_with(begin));
    begins(BEGINNINGS) && !begins(EXPECTED)
}

/// One test: the guest has come to its end.
pub(crate) fn expect_end(tally: &mut Tally, what: &str, boot: &Boot) {
    let ended = boot.exit.is_some() && !boot.timed_out && !boot.panicked;
    if !ended {
        println!(
            "   the guest did not come to its end, see {}",
            boot.log.display()
        );
    }
    tally.check(&format!("{what}: the guest comes to its end"), ended);
}

/// Two tests: the guest has come to its end, and the sanitizer had nothing to say.
pub(crate) fn expect_silence(tally: &mut Tally, what: &str, boot: &Boot) {
    expect_silence_but(tally, what, boot, |_| false);
}

/// The same, where some reports have an explanation that is not the sanitizer's fault.
pub(crate) fn expect_silence_but(
    tally: &mut Tally,
    what: &str,
    boot: &Boot,
    mut is_known: impl FnMut(&Report) -> bool,
) {
    expect_end(tally, what, boot);
    let mut reports = reports(boot);
    reports.retain(|report| !is_known(report));
    for report in &reports {
        println!("{report}");
    }
    tally.check(&format!("{what}: no report"), reports.is_empty());
}

#[cfg(test)]
mod tests {
    use super::{complaints, is_complaint};

    #[test]
    fn what_the_machine_does_to_itself_is_no_complaint() {
        let sleeping =
            "BUG: sleeping function called from invalid context at include/linux/sched/mm.h:322";
        let at = |place| [sleeping, "in_atomic(): 1", "Preemption disabled at:", place];
        assert!(complaints(&at("[<600eb89c>] um_request_irq+0x17c/0x450")).is_empty());
        assert_eq!(
            complaints(&at("[<600eb89c>] __iommu_debug_map_begin+0x1/0x2")),
            [sleeping]
        );
    }

    #[test]
    fn complaints_are_told_from_the_sanitizers_reports() {
        for line in [
            "BUG: KASAN: slab-use-after-free in f+0x1/0x2",
            "BUG: sleeping function called from invalid context at mm/x.c:1",
            "WARNING: possible circular locking dependency detected",
            "WARNING: suspicious RCU usage",
            "INFO: trying to register non-static key.",
        ] {
            assert!(is_complaint(line), "{line}");
        }
        for line in [
            "BUG: DMASAN: freed-while-mapped",
            "zoo: p01 bug amdv1: begin",
            "",
        ] {
            assert!(!is_complaint(line), "{line}");
        }
    }
}
