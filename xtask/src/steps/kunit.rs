//! KUnit in a booted kernel: our suite, and the kernel's own of the generic page tables, which maps
//! and unmaps real tables in all formats and knows nothing of us.
//!
//! The kernel is one without SMP, since the suite of the page tables fails on any other: it looks
//! for leaks by comparing a counter of which every CPU holds a part back.

use anyhow::{ensure, Result};
use dmasan_lab::{Guest, Implementation, Kernel, KernelRequest, Lab, MachineKind};

use super::guest;
use crate::ktap::{self, Outcome};
use crate::tally::Tally;

/// What is different from the kernel that everything else runs in.
const UNIPROCESSOR: &str = "# CONFIG_SMP is not set\nCONFIG_NR_CPUS=1\n";

const ON: &str = "iommu.debug_pagealloc=1 page_owner=on";

/// Tests that are run together.
struct Group {
    about: &'static str,
    /// Which tests, as `suite.test` with wildcards.
    tests: &'static str,
    append: &'static str,
    /// Whether tests that skip themselves do so for a reason of ours.
    may_skip: bool,
    reports: Expected,
}

/// What the sanitizer is to say meanwhile.
enum Expected {
    /// So many reports, which the tests provoke and look at themselves.
    Reports(usize),
    /// Whatever it likes: the tests do what it is there to find.
    Anything,
}

const OURS: Group = Group {
    about: "our own",
    tests: "iommu_debug_pagealloc*",
    append: "iommu.debug_pagealloc=1 iommu.debug_pagealloc.origins=1 iommu.debug_pagealloc.quarantine=64 page_owner=on",
    may_skip: false,
    reports: Expected::Reports(5),
};

const GROUPS: &[Group] = &[
    OURS,
    Group {
        about: "page tables, sanitizer on",
        tests: "*.test_[!ru]*",
        append: ON,
        may_skip: true,
        reports: Expected::Reports(0),
    },
    // `test_random_map` and `test_unmap_split` map memory that is not theirs: addresses at random
    // and from 0 on, where the kernel goes on allocating and freeing pages. The sanitizer is right
    // to report every one of those, thousands of them.
    Group {
        about: "page tables that map memory of others, sanitizer off",
        tests: "*.test_[ru]*",
        append: "",
        may_skip: true,
        reports: Expected::Reports(0),
    },
    // What they return must be the same, though: the walk of an unmap is another one.
    Group {
        about: "page tables that map memory of others, sanitizer on",
        tests: "*.test_[ru]*",
        append: "iommu.debug_pagealloc=1 iommu.debug_pagealloc.reports=1",
        may_skip: true,
        reports: Expected::Anything,
    },
    // These have no domain, like those of GPU drivers: they have never been counted, and must not be uncounted.
    Group {
        about: "page tables without a domain, sanitizer on",
        tests: "io-pgtable-arm-test",
        append: ON,
        may_skip: false,
        reports: Expected::Reports(0),
    },
];

pub(super) fn run() -> Result<Tally> {
    let lab = guest::lab()?;
    let mut request = KernelRequest::new(MachineKind::Uml, Implementation::Rust);
    request
        .fragments
        .push(("kunit".to_owned(), UNIPROCESSOR.to_owned()));
    println!("   building the kernel for it, if need be");
    let kernel = lab.kernel(&request)?;

    let mut tally = Tally::default();
    for group in GROUPS {
        tally.add(run_group(&lab, &kernel, group)?);
    }
    Ok(tally)
}

/// Our own suites, in a kernel of any machine.
pub(crate) fn ours(lab: &Lab, kernel: &Kernel) -> Result<Tally> {
    run_group(lab, kernel, &OURS)
}

fn run_group(lab: &Lab, kernel: &Kernel, group: &Group) -> Result<Tally> {
    let append = format!(
        "{} kunit.enable=1 kunit.autorun=1 kunit.filter_glob={}",
        group.append, group.tests
    );
    let boot = lab.boot(
        kernel,
        &Guest {
            command: vec!["true".to_owned()],
            append: guest::words(&append),
            cpus: 1,
            ..Guest::default()
        },
        &mut |_| (),
    )?;

    let tests = ktap::tests(&boot.console);
    ensure!(
        !tests.is_empty(),
        "{}: no result in {}",
        group.about,
        boot.log.display()
    );
    let mut tally = Tally::default();
    let (mut skipped, mut failed) = (0, 0);
    for test in &tests {
        match test.outcome {
            Outcome::Skipped if group.may_skip => skipped += 1,
            Outcome::Failed if matches!(group.reports, Expected::Anything) => failed += 1,
            outcome => tally.check(&test.name, outcome == Outcome::Passed),
        }
    }
    println!(
        "   {}: {} tests, of which {skipped} skip themselves",
        group.about,
        tests.len()
    );
    let what = format!("KUnit, {}", group.about);
    match group.reports {
        Expected::Reports(0) => guest::expect_silence(&mut tally, &what, &boot),
        Expected::Anything => {
            guest::expect_end(&mut tally, &what, &boot);
            // A report that is printed fails the test that it is printed in.
            let refuted = boot.console.iter().any(|line| is_refuted(line));
            tally.check(
                &format!("{what}: all that is asserted is true"),
                failed <= guest::reports(&boot).len() && !refuted,
            );
        }
        Expected::Reports(number) => {
            guest::expect_end(&mut tally, &what, &boot);
            tally.check(
                &format!("{what}: the reports that are provoked, and no others"),
                guest::reports(&boot).len() == number,
            );
        }
    }
    if !group.may_skip {
        guest::expect_no_complaint(&mut tally, &what, &boot, "KTAP version");
    }
    Ok(tally)
}

/// Whether a test of KUnit says that something is not as it should be.
fn is_refuted(line: &str) -> bool {
    line.contains(" FAILED at ")
}
