//! Checks that need nothing but cargo.

use anyhow::Result;

use crate::command::{cargo, output, succeeds};
use crate::tally::Tally;

pub(super) fn fmt() -> Result<Tally> {
    one("fmt", &["fmt", "--all", "--check"])
}

pub(super) fn clippy() -> Result<Tally> {
    one(
        "clippy",
        &[
            "clippy",
            "--quiet",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
    )
}

pub(super) fn tests() -> Result<Tally> {
    // Documentation tests are part of it.
    let (lines, passed) = output(&mut cargo(&["test", "--workspace", "--no-fail-fast"]), true)?;
    let mut all = tally("host tests", &lines, passed);

    // What is wrong may show once in a thousand histories.
    let mut oracle = cargo(&[
        "test",
        "--release",
        "--package",
        "dmasan-engine",
        "--test",
        "oracle",
    ]);
    oracle.env("PROPTEST_CASES", "20000");
    let (lines, passed) = output(&mut oracle, true)?;
    all.add(tally("random histories", &lines, passed));
    Ok(all)
}

pub(super) fn loom() -> Result<Tally> {
    let mut command = cargo(&[
        "test",
        "--release",
        "--package",
        "dmasan-engine",
        "--test",
        "loom",
    ]);
    // Of its own, or the flags would make cargo build everything else anew.
    command.env(
        "CARGO_TARGET_DIR",
        crate::command::root().join("target/loom"),
    );
    command.env("RUSTFLAGS", "--cfg loom");
    let (lines, passed) = output(&mut command, true)?;
    let tally = tally("loom", &lines, passed);
    anyhow::ensure!(tally.passed + tally.failed > 0, "no loom test ran");
    Ok(tally)
}

fn one(name: &str, arguments: &[&str]) -> Result<Tally> {
    let mut tally = Tally::default();
    tally.check(name, succeeds(&mut cargo(arguments))?);
    Ok(tally)
}

/// Adds up what `cargo test` says.
fn tally(name: &str, lines: &[String], succeeded: bool) -> Tally {
    let mut tally = Tally::default();
    for line in lines {
        let Some(result) = line.strip_prefix("test result: ") else {
            if line.starts_with("test ") && line.ends_with("FAILED") {
                tally.failures.push(format!("{name}: {line}"));
            }
            continue;
        };
        for part in result.split([';', '.']) {
            match part.trim().split_once(' ') {
                Some((number, "passed")) => tally.passed += number.parse::<u64>().unwrap_or(0),
                Some((number, "failed")) => tally.failed += number.parse::<u64>().unwrap_or(0),
                _ => {}
            }
        }
    }
    if !succeeded {
        for line in lines {
            println!("{line}");
        }
        if tally.failed == 0 {
            tally.fail(&format!("{name}: does not build or does not end well"));
        }
    }
    tally
}

#[cfg(test)]
mod tests {
    #[test]
    fn results_of_all_test_programs_are_added_up() {
        let lines = [
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out",
            "test a::b ... FAILED",
            "test result: FAILED. 3 passed; 1 failed; 0 ignored",
        ]
        .map(str::to_owned);
        let tally = super::tally("host", &lines, false);
        assert_eq!((tally.passed, tally.failed), (15, 1));
        assert_eq!(tally.failures, ["host: test a::b ... FAILED"]);
    }

    #[test]
    fn a_build_that_fails_is_a_failure() {
        assert_eq!(super::tally("host", &[], false).failed, 1);
    }
}
