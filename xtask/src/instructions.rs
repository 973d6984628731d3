//! How many instructions the engine takes: a figure that is the same on every run, however busy the machine is.

use std::process::Command;

use anyhow::{bail, Context, Result};

use crate::command::{cargo, output, root, succeeds};
use crate::tally::Tally;

/// What is counted: the operation, a size in bytes, and what that is.
const OPERATIONS: &[(&str, u64, &str)] = &[
    ("map", 4 << 10, "a page"),
    ("map", 64 << 10, "a block of 16 pages"),
    ("map", 2 << 20, "a block of 512 pages"),
    ("map", 128 << 20, "a section"),
    ("unmap", 4 << 10, "a page"),
    ("unmap", 2 << 20, "a block of 512 pages"),
    ("unmap", 128 << 20, "a section"),
    ("check", 4 << 10, "order 0, nothing mapped nearby"),
    ("check-touched", 4 << 10, "order 0, something mapped nearby"),
    ("check", 2 << 20, "order 9"),
];

/// How often each is done; what it takes to get there and back is not counted.
const TIMES: u64 = 1000;

pub(crate) fn count() -> Result<Tally> {
    let target = root().join("target/instructions");
    let mut build = cargo(&[
        "build",
        "--quiet",
        "--release",
        "--package",
        "dmasan-engine",
        "--example",
        "instructions",
    ]);
    build.env("CARGO_TARGET_DIR", &target);
    // As the kernel is compiled.
    build.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "2");
    if !succeeds(&mut build)? {
        bail!("the example `instructions` does not build");
    }

    let program = target.join("release/examples/instructions");
    for (operation, bytes, what) in OPERATIONS {
        let function = operation.split('-').next().unwrap_or(operation);
        let mut valgrind = Command::new("valgrind");
        valgrind
            .args([
                "--tool=callgrind",
                "--callgrind-out-file=/dev/null",
                "--log-fd=1",
            ])
            .arg(format!("--toggle-collect=instructions::{function}"))
            .arg(&program)
            .args([*operation, &bytes.to_string(), &TIMES.to_string()]);
        let (lines, done) = output(&mut valgrind, true).context("is valgrind installed?")?;
        let collected = lines
            .iter()
            .find_map(|line| line.split_once("Collected : "))
            .and_then(|(_, count)| count.trim().parse::<u64>().ok());
        match collected {
            Some(count) if done => {
                println!(
                    "{operation:<14} {what:<34} {:>5} instructions",
                    count / TIMES
                );
            }
            _ => bail!(
                "valgrind did not count `{operation}`:\n{}",
                lines.join("\n")
            ),
        }
    }
    Ok(Tally::default())
}
