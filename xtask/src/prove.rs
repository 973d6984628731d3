//! Checks with tools that few machines have. Where they are missing, that is an error: nothing is claimed.

use anyhow::{bail, Result};

use crate::command::{cargo, succeeds};
use crate::tally::Tally;

/// The engine's tests under miri.
pub(crate) fn miri() -> Result<Tally> {
    run("miri", &["miri", "test", "--package", "dmasan-engine"])
}

/// The engine's proofs under kani.
pub(crate) fn kani() -> Result<Tally> {
    run("kani", &["kani", "--package", "dmasan-engine"])
}

fn run(tool: &str, arguments: &[&str]) -> Result<Tally> {
    let mut probe = cargo(&[tool, "--version"]);
    probe
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    if !succeeds(&mut probe)? {
        bail!("cargo {tool} is not installed on this machine, so nothing was checked");
    }
    let mut tally = Tally::default();
    tally.check(tool, succeeds(&mut cargo(arguments))?);
    Ok(tally)
}
