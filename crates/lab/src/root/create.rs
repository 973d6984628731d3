// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Making the build root with mmdebstrap.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::{ESSENTIAL, EXCLUDED, PACKAGES};
use crate::cache::{self, Cache};
use crate::debian::{self, proxy_settings, KEYRING, SUITE};
use crate::files;
use crate::lockfile::LockFile;
use crate::namespace::{self, remove_all};
use crate::process::Job;
use crate::{LabError, Progress, Step};

/// What is downloaded, in MiB.
pub(crate) const DOWNLOAD_MIB: u64 = 360;
/// What it takes on disk, in MiB, while it is made.
pub(crate) const INSTALLED_MIB: u64 = 1700;
/// Folders that others are mounted on.
const MOUNT_POINTS: &[&str] = &["src", "out", "mod"];

pub(super) fn create(cache: &Cache, place: &Path, progress: &dyn Progress) -> Result<(), LabError> {
    cache.require_space("the build root", INSTALLED_MIB)?;
    debian::ensure(cache, progress)?;
    namespace::require()?;
    let mirror = debian::derive_mirror()?;
    let aside = files::aside(place);
    if let Some(parent) = place.parent() {
        files::create_dir(parent)?;
    }

    let mut step = progress.begin("build root");
    let made = bootstrap(cache, &mirror, &aside, &mut *step).and_then(|()| {
        require_essentials(&aside)?;
        // Moving a folder of one's own needs no rights inside it.
        fs::rename(&aside, place).map_err(LabError::io("rename", &aside))?;
        remove_others(place)
    });
    if let Err(error) = made {
        // The first error is the one to tell; what stays is swept by the next run.
        let _ = remove_all(&aside);
        return Err(error);
    }
    let toolchain = super::BuildRoot::existing(cache).map(|root| root.toolchain);
    let rustc = toolchain
        .as_ref()
        .and_then(|pin| pin.packages.get("rustc"))
        .cloned()
        .unwrap_or_default();
    step.finish(&format!("Debian {SUITE}, rustc {rustc}"));
    if let Some(toolchain) = toolchain {
        for difference in toolchain.differences(&LockFile::embedded()?.toolchain) {
            progress.note(&format!("the mirror has moved on: {difference}"));
        }
    }
    Ok(())
}

/// A build root for another list of packages is not used any more, and large.
fn remove_others(place: &Path) -> Result<(), LabError> {
    let roots = place.parent().unwrap_or(place);
    cache::entries(roots)
        .filter(|(_, root)| root != place)
        .try_for_each(|(_, root)| remove_all(&root))
}

/// An error if something is missing that a kernel build cannot do without.
fn require_essentials(root: &Path) -> Result<(), LabError> {
    let missing =
        |path: &Path| LabError::io("find in the build root", path)(ErrorKind::NotFound.into());
    for path in ESSENTIAL {
        let path = root.join(path);
        // A link may be absolute, which means something else outside.
        if path.symlink_metadata().is_err() {
            return Err(missing(&path));
        }
    }
    let has_library = cache::entries(&root.join("usr/src"))
        .any(|(_, source)| source.join("library/core/src/lib.rs").is_file());
    if has_library {
        Ok(())
    } else {
        Err(missing(&root.join("usr/src/rustc/library/core/src/lib.rs")))
    }
}

fn bootstrap(
    cache: &Cache,
    mirror: &str,
    into: &Path,
    step: &mut dyn Step,
) -> Result<(), LabError> {
    let scratch = cache.scratch()?;
    let mut command = namespace::enter();
    command
        .args([
            "mmdebstrap",
            "--mode=root",
            "--format=directory",
            "--variant=minbase",
            "--verbose",
        ])
        .arg(format!("--include={}", PACKAGES.join(",")))
        // A build root that loses power is made anew: it need not reach the disk file by file.
        .arg("--dpkgopt=force-unsafe-io")
        .args(
            EXCLUDED
                .iter()
                .map(|path| format!("--dpkgopt=path-exclude={path}")),
        )
        .args(
            proxy_settings()
                .iter()
                .map(|line| format!("--aptopt={line}")),
        )
        .arg("--aptopt=Acquire::Retries \"3\"");
    for mount_point in MOUNT_POINTS {
        command.arg(format!("--customize-hook=mkdir \"$1/{mount_point}\""));
    }
    command
        .arg(SUITE)
        .arg(into)
        .arg(format!("deb [signed-by={KEYRING}] {mirror} {SUITE} main"))
        .env("TMPDIR", scratch.path())
        .env("LC_ALL", "C");

    let log = cache.new_log("build-root")?;
    let mut count = Counter::default();
    let job = Job {
        what: "making the build root",
        command,
        log: &log,
        needs_mib: INSTALLED_MIB,
    };
    job.run(&mut |line| count.line(line, step))
        .map_err(|error| match error {
            LabError::Failed { lines, .. } if lines.iter().any(|line| is_network_error(line)) => {
                LabError::Download {
                    what: "the build root".to_owned(),
                    detail: lines.join("; "),
                }
            }
            other => other,
        })
}

fn is_network_error(line: &str) -> bool {
    [
        "Failed to fetch",
        "Could not resolve",
        "Temporary failure resolving",
        "Could not connect",
        "Unable to connect",
        "Connection failed",
        "Connection timed out",
        "Connection refused",
        "is not signed",
        "does not have a Release file",
    ]
    .iter()
    .any(|mark| line.contains(mark))
}

/// Counts what apt and dpkg say: every package is fetched, unpacked and set up.
#[derive(Default)]
struct Counter {
    done: u64,
    total: u64,
}

impl Counter {
    fn line(&mut self, line: &str, step: &mut dyn Step) {
        if let Some(packages) = newly_installed(line) {
            // apt tells the number once for the essential packages and once for the rest.
            self.total += 3 * packages;
            step.set_total(self.total);
        }
        let words: Vec<&str> = line.split_whitespace().take(5).collect();
        let package = match words[..] {
            [first, _, _, _, package] if first.starts_with("Get:") => package,
            ["Unpacking" | "Extracting", package, ..] => package,
            ["Setting", "up", package, ..] => package,
            _ => return,
        };
        self.done += 1;
        step.advance_to(self.done.min(self.total));
        step.message(package);
    }
}

/// The number in `0 upgraded, 174 newly installed, 0 to remove and 0 not upgraded.`
fn newly_installed(line: &str) -> Option<u64> {
    let (before, _) = line.split_once(" newly installed")?;
    before.rsplit(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apts_plan_is_read() {
        assert_eq!(
            newly_installed("0 upgraded, 174 newly installed, 0 to remove and 0 not upgraded."),
            Some(174)
        );
        assert_eq!(newly_installed("Setting up make (4.4)"), None);
    }

    #[test]
    fn a_dead_mirror_is_a_network_error() {
        assert!(is_network_error(
            "E: Failed to fetch http://x/InRelease  Unable to connect to x:http:"
        ));
        assert!(!is_network_error("E: mmdebstrap failed to run"));
    }
}
