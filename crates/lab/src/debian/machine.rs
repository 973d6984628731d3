// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Programs of the machine itself that the lab cannot do without.

use std::process::Command;

use crate::namespace::{install_command, is_root};
use crate::process::{find_program, Job};
use crate::{cache::Cache, LabError, Progress};

/// Programs and the Debian packages that have them. `newuidmap` is only for ordinary users.
const NEEDED: &[(&str, &str)] = &[
    ("mmdebstrap", "mmdebstrap"),
    ("xz", "xz-utils"),
    ("newuidmap", "uidmap"),
    ("unshare", "util-linux"),
    ("setpriv", "util-linux"),
];

/// The needed programs that the machine does not have, with their packages.
pub(crate) fn missing() -> Vec<(&'static str, &'static str)> {
    NEEDED
        .iter()
        .copied()
        .filter(|(program, _)| !(is_root() && *program == "newuidmap"))
        .filter(|(program, _)| find_program(program).is_none())
        .collect()
}

/// Installs what is missing if we are root; otherwise says which command does.
pub(crate) fn ensure(cache: &Cache, progress: &dyn Progress) -> Result<(), LabError> {
    let missing = missing();
    if missing.is_empty() {
        return Ok(());
    }
    let (programs, packages): (Vec<&str>, Vec<&str>) = missing.into_iter().unzip();
    let fix = install_command(&packages.join(" "));
    if !is_root() {
        return Err(LabError::MissingTool {
            tool: programs.join(", "),
            fix,
        });
    }
    let mut step = progress.begin("tools of this machine");
    progress.note(&format!("installing {} with apt-get", packages.join(", ")));
    let mut command = Command::new("sh");
    command
        .env("DEBIAN_FRONTEND", "noninteractive")
        // The package list may be missing or old: fetched only if it does not work without.
        .args(["-c", "apt-get -qy install --no-install-recommends \"$@\" || { apt-get -q update && apt-get -qy install --no-install-recommends \"$@\"; }", "sh"])
        .args(&packages);
    let log = cache.new_log("install")?;
    Job {
        what: "installing packages",
        command,
        log: &log,
        needs_mib: 100,
    }
    .run(&mut |line| step.message(line))
    .map_err(|error| match error {
        LabError::Failed { lines, .. } => LabError::MissingTool {
            tool: format!(
                "{} (and installing failed: {})",
                programs.join(", "),
                lines.join("; ")
            ),
            fix,
        },
        other => other,
    })?;
    step.finish(&packages.join(", "));
    Ok(())
}
