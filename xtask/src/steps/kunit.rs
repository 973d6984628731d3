//! KUnit in a booted kernel, with the sanitizer on.
//!
//! Our own suite, and the kernel's suite of the generic page tables, which maps and unmaps real
//! tables in all formats and knows nothing of us: it must pass, and nothing may be reported.
//!
//! The kernel is one without SMP, since the suite of the page tables fails on any other: it looks
//! for leaks by comparing a counter of which every CPU holds a part back.

use anyhow::{ensure, Result};
use dmasan_lab::{Guest, Implementation, KernelRequest, MachineKind};
use dmasan_report::{Kind, Report};

use super::guest;
use crate::ktap::{self, Outcome};
use crate::tally::Tally;

/// Our suite; skipped tests in it are failures, as it is booted so that none needs to be.
const OURS: &str = "iommu_debug_pagealloc";

/// Tests of the page tables' suite that map memory which is not theirs.
const MAPS_FOREIGN_MEMORY: &[&str] = &["test_unmap_split", "test_random_map"];

/// What is different from the kernel that everything else runs in.
const UNIPROCESSOR: &str = "# CONFIG_SMP is not set\nCONFIG_NR_CPUS=1\n";

pub(super) fn run() -> Result<Tally> {
    let lab = guest::lab()?;
    let mut request = KernelRequest::new(MachineKind::Uml, Implementation::Rust);
    request
        .fragments
        .push(("kunit".to_owned(), UNIPROCESSOR.to_owned()));
    println!("   building the kernel for it, if need be");
    let kernel = lab.kernel(&request)?;
    let boot = lab.boot(
        &kernel,
        &Guest {
            command: vec!["true".to_owned()],
            append: guest::words(
                "iommu.debug_pagealloc=1 page_owner=on kunit.enable=1 kunit.autorun=1",
            ),
            cpus: 1,
            ..Guest::default()
        },
        &mut |_| (),
    )?;

    let tests = ktap::tests(&boot.console);
    ensure!(
        !tests.is_empty(),
        "no KUnit result in {}",
        boot.log.display()
    );
    let mut tally = Tally::default();
    let (mut ours, mut skipped) = (0, 0);
    for test in &tests {
        let is_ours = test.name.starts_with(OURS);
        ours += u32::from(is_ours);
        match test.outcome {
            Outcome::Skipped if !is_ours => skipped += 1,
            outcome => tally.check(&test.name, outcome == Outcome::Passed),
        }
    }
    println!(
        "   {} of our own, {skipped} of others skipped by themselves",
        ours
    );
    tally.check("our KUnit suite has run", ours > 0);
    guest::expect_end(&mut tally, "KUnit", &boot);
    let reports = guest::reports(&boot);
    let (foreign, other): (Vec<_>, Vec<_>) = reports
        .iter()
        .partition(|report| maps_foreign_memory(&boot.console, report));
    for report in &other {
        println!("{report}");
    }
    println!(
        "   {} reports of memory that the page tables' suite maps and others use",
        foreign.len()
    );
    tally.check("KUnit: no report of anything else", other.is_empty());
    Ok(tally)
}

/// Whether a report is about the memory that some tests of the page tables map without owning it:
/// addresses from 0 on or at random, below which the kernel goes on allocating and freeing pages.
/// Those translations are real, so the reports are right, and of no use.
fn maps_foreign_memory(console: &[String], report: &Report) -> bool {
    let before = usize::try_from(report.line).unwrap_or(usize::MAX);
    let running = console.iter().take(before).rev().find_map(|line| {
        dmasan_report::message(line)
            .trim()
            .strip_prefix("# Subtest: ")
    });
    matches!(
        report.kind,
        Kind::FreedWhileMapped | Kind::AllocatedWhileMapped
    ) && running.is_some_and(|test| MAPS_FOREIGN_MEMORY.contains(&test))
}
