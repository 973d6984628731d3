//! The kernel's own selftest of iommufd, which maps user memory through a mock IOMMU with real page tables, with the sanitizer on.
//!
//! Nothing may be reported. Of its tests, those that fail must be those that fail without the sanitizer too: what User-Mode Linux lacks is not
//! for us to judge.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{ensure, Context, Result};
use dmasan_lab::{Boot, Guest, Implementation, Kernel, Lab};

use super::guest;
use crate::tally::Tally;

pub(super) fn run() -> Result<Tally> {
    let lab = guest::lab()?;
    let kernel = guest::kernel(&lab, Implementation::Rust)?;
    run_on(&lab, &kernel, false)
}

/// In this kernel; with `faults` also the selftest that lets one allocation after the other fail.
pub(super) fn run_on(lab: &Lab, kernel: &Kernel, faults: bool) -> Result<Tally> {
    let mut tally = run_program(lab, kernel, "iommufd", 100)?;
    if faults {
        tally.add(run_program(lab, kernel, "iommufd_fail_nth", 5)?);
    }
    Ok(tally)
}

/// One of the selftests, of which more than `least` tests pass without the sanitizer.
fn run_program(lab: &Lab, kernel: &Kernel, name: &str, least: usize) -> Result<Tally> {
    let scratch = tempfile::tempdir()?;
    let program = build(lab, kernel, name, scratch.path())?;

    let off = boot(lab, kernel, &program, "")?;
    let on = boot(
        lab,
        kernel,
        &program,
        "iommu.debug_pagealloc=1 page_owner=on",
    )?;
    let (off_results, on_results) = (results(&off), results(&on));

    let mut tally = Tally::default();
    ensure!(
        off_results.passed.len() > least,
        "only {} tests of {name} pass without the sanitizer, see {}",
        off_results.passed.len(),
        off.log.display()
    );
    println!(
        "   {name}: without the sanitizer {} pass and {} fail, with it {} and {}",
        off_results.passed.len(),
        off_results.failed.len(),
        on_results.passed.len(),
        on_results.failed.len()
    );
    for name in &off_results.passed {
        tally.check(
            &format!("iommufd: {name}"),
            on_results.passed.contains(name),
        );
    }
    guest::expect_silence(&mut tally, name, &on);
    guest::expect_no_complaint(&mut tally, name, &on, "TAP version");
    Ok(tally)
}

/// Compiles the selftest from the kernel's tree, static, so that it runs with nothing beside it.
fn build(lab: &Lab, kernel: &Kernel, name: &str, out: &Path) -> Result<PathBuf> {
    // A kernel that watches itself, on a busy machine, takes longer over some tests than their limit of 30 s.
    let script = format!(
        "cd /src/tools/testing/selftests/iommu
        gcc -E -w -D_GNU_SOURCE= -isystem /out/usr/include -I.. -I../../../include {name}.c |
            sed 's/>timeout = 30;/>timeout = 300;/' > /result/{name}.i
        grep -q 'timeout = 300;' /result/{name}.i
        gcc -static -O2 -w -o /result/{name} /result/{name}.i -lcap"
    );
    lab.program(kernel, &script, out)?;
    Ok(out.join(name))
}

fn boot(lab: &Lab, kernel: &Kernel, program: &Path, append: &str) -> Result<Boot> {
    let guest = Guest {
        command: vec!["/bin/selftest".to_owned()],
        files: vec![(program.to_owned(), "/bin/selftest".to_owned())],
        append: guest::words(append),
        memory_mib: 512,
        timeout: Duration::from_secs(900),
        ..Guest::default()
    };
    lab.boot(kernel, &guest, &mut |_| ()).context("cannot boot")
}

#[derive(Default)]
struct Results {
    passed: BTreeSet<String>,
    failed: BTreeSet<String>,
}

/// What the selftest says of its tests; skipped ones are in neither set.
fn results(boot: &Boot) -> Results {
    let mut results = Results::default();
    for line in &boot.console {
        let (set, rest) = if let Some(rest) = line.strip_prefix("ok ") {
            (&mut results.passed, rest)
        } else if let Some(rest) = line.strip_prefix("not ok ") {
            (&mut results.failed, rest)
        } else {
            continue;
        };
        match rest.split_once(' ') {
            Some((number, name)) if number.parse::<u32>().is_ok() && !name.contains("# SKIP") => {
                set.insert(name.trim().to_owned());
            }
            _ => {}
        }
    }
    results
}
