//! KUnit in a booted kernel, with the sanitizer on.
//!
//! Our own suite, and the kernel's suite of the generic page tables, which maps and unmaps real
//! tables in all formats and knows nothing of us: it must pass, and nothing may be reported.
//!
//! The kernel is one without SMP, since the suite of the page tables fails on any other: it looks
//! for leaks by comparing a counter of which every CPU holds a part back.

use anyhow::{ensure, Result};
use dmasan_lab::{Guest, Implementation, KernelRequest, MachineKind};

use super::guest;
use crate::ktap::{self, Outcome};
use crate::tally::Tally;

/// Our suite; skipped tests in it are failures, as it is booted so that none needs to be.
const OURS: &str = "iommu_debug_pagealloc";

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
    guest::expect_silence(&mut tally, "KUnit", &boot);
    Ok(tally)
}
