//! KUnit in a booted kernel, with the sanitizer on.
//!
//! Our own suite, and the kernel's suite of the generic page tables, which maps and unmaps real tables in all formats and knows nothing of us: it must
//! pass, and nothing may be reported.

use anyhow::{ensure, Result};
use dmasan_lab::{Guest, Implementation};

use super::guest;
use crate::ktap::{self, Outcome};
use crate::tally::Tally;

/// Our suite; skipped tests in it are failures, as it is booted so that none needs to be.
const OURS: &str = "iommu_debug_pagealloc";

pub(super) fn run() -> Result<Tally> {
    let lab = guest::lab()?;
    let kernel = guest::kernel(&lab, Implementation::Rust)?;
    let boot = lab.boot(
        &kernel,
        &Guest {
            command: vec!["true".to_owned()],
            append: guest::words(
                "iommu.debug_pagealloc=1 page_owner=on kunit.enable=1 kunit.autorun=1",
            ),
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
