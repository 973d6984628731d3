// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Making a root with mmdebstrap.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::{Kind, Root};
use crate::cache::{self, Cache};
use crate::debian::{self, proxy_settings, BACKPORTS, KEYRING, SUITE};
use crate::files;
use crate::lockfile::LockFile;
use crate::namespace::{self, remove_all};
use crate::process::Job;
use crate::{LabError, Progress, Step};

/// Folders that others are mounted on.
const MOUNT_POINTS: &[&str] = &["src", "out", "mod", "guest"];

pub(super) fn create(
    cache: &Cache,
    kind: &Kind,
    place: &Path,
    progress: &dyn Progress,
) -> Result<(), LabError> {
    cache.require_space(kind.title, kind.installed_mib)?;
    debian::ensure(cache, progress)?;
    namespace::require()?;
    let mirror = debian::derive_mirror()?;
    let aside = files::aside(place);
    if let Some(parent) = place.parent() {
        files::create_dir(parent)?;
    }

    let mut step = progress.begin(kind.title);
    let made = bootstrap(cache, kind, SUITE, &mirror, &aside, &mut *step)
        .map(|()| kind.suite)
        .or_else(|error| match (kind.alternative, &error) {
            (Some(suite), LabError::Download { .. }) => {
                let _ = remove_all(&aside);
                bootstrap(cache, kind, suite, &mirror, &aside, &mut *step).map_err(|_| error)?;
                Ok(suite)
            }
            _ => Err(error),
        })
        .and_then(|suite| {
            require_essentials(kind, &aside)?;
            // Moving a folder of one's own needs no rights inside it.
            fs::rename(&aside, place).map_err(LabError::io("rename", &aside))?;
            remove_others(kind, place)?;
            Ok(suite)
        });
    let suite = made.inspect_err(|_| {
        // The first error is the one to tell; what stays is swept by the next run.
        let _ = remove_all(&aside);
    })?;
    let packages = Root::existing(cache, kind).map(|root| root.packages);
    let main = packages.as_ref().and_then(|pin| {
        let version = pin.packages.get(kind.main)?;
        Some(format!("{} {version}", kind.main))
    });
    step.finish(&match main {
        Some(main) => format!("Debian {suite}, {main}"),
        None => format!("Debian {suite}"),
    });
    if let Some(packages) = packages {
        for difference in packages.differences(&LockFile::embedded()?) {
            progress.note(&format!("the mirror has moved on: {difference}"));
        }
    }
    Ok(())
}

/// A root for another list of packages is not used any more, and large.
fn remove_others(kind: &Kind, place: &Path) -> Result<(), LabError> {
    let roots = place.parent().unwrap_or(place);
    cache::entries(roots)
        .filter(|(name, root)| is_of(kind, name) && root != place)
        .try_for_each(|(_, root)| remove_all(&root))
}

/// Whether a folder's name is that of a root of this kind: one kind's name may be the beginning of another's.
fn is_of(kind: &Kind, folder: &str) -> bool {
    folder
        .rsplit_once('-')
        .is_some_and(|(name, _)| name == kind.name)
}

/// An error if something is missing that the root was made for.
fn require_essentials(kind: &Kind, root: &Path) -> Result<(), LabError> {
    let missing = |path: &Path| LabError::io("find in the root", path)(ErrorKind::NotFound.into());
    for pattern in kind.essential {
        // A folder whose name has a version in it is a star.
        let found = match pattern.split_once("/*/") {
            Some((folder, rest)) => {
                cache::entries(&root.join(folder)).any(|(_, entry)| is_there(&entry.join(rest)))
            }
            None => is_there(&root.join(pattern)),
        };
        if !found {
            return Err(missing(&root.join(pattern)));
        }
    }
    Ok(())
}

/// Whether there is such a file. A link may be absolute, which means something else outside.
fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

fn bootstrap(
    cache: &Cache,
    kind: &Kind,
    suite: &str,
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
            "--verbose",
        ])
        .args(match kind.architecture {
            None => vec!["--variant=minbase".to_owned()],
            Some(other) => vec![
                "--variant=extract".to_owned(),
                format!("--architectures={other}"),
            ],
        })
        .arg(format!("--include={}", kind.packages.join(",")))
        // A build root that loses power is made anew: it need not reach the disk file by file.
        .arg("--dpkgopt=force-unsafe-io")
        .args(
            kind.excluded
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
    let source = |suite: &str| format!("deb [signed-by={KEYRING}] {mirror} {suite} main");
    if Some(suite) == kind.alternative {
        // A mirror with a broken list is an old copy as well. It is signed, and what it has runs in guests only.
        command.arg("--aptopt=Acquire::Check-Valid-Until \"false\"");
    }
    if !kind.backports.is_empty() {
        command.arg(format!("--setup-hook={}", preference(kind.backports)));
    }
    command.arg(suite).arg(into).arg(source(suite));
    if !kind.backports.is_empty() {
        command.arg(source(BACKPORTS));
    }
    command.env("TMPDIR", scratch.path()).env("LC_ALL", "C");

    let log = cache.new_log("build-root")?;
    let mut count = Counter::default();
    let job = Job {
        what: &format!("making the {}", kind.title),
        command,
        log: &log,
        needs_mib: kind.installed_mib,
    };
    job.run(&mut |line| count.line(line, step))
        .map_err(|error| match error {
            LabError::Failed { lines, .. } if lines.iter().any(|line| is_network_error(line)) => {
                LabError::Download {
                    what: kind.title.to_owned(),
                    detail: lines.join("; "),
                }
            }
            other => other,
        })
}

/// The shell command that makes apt take some source packages from the backports.
fn preference(sources: &[&str]) -> String {
    let sources: Vec<String> = sources
        .iter()
        .map(|source| format!("src:{source}"))
        .collect();
    format!(
        "mkdir -p \"$1/etc/apt/preferences.d\" && \
         printf 'Package: {}\\nPin: release n={BACKPORTS}\\nPin-Priority: 990\\n' \
         > \"$1/etc/apt/preferences.d/backports\"",
        sources.join(" ")
    )
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
    fn a_root_is_not_taken_for_an_older_one_of_another_kind() {
        use crate::processor::{AARCH64, X86_64};
        assert!(is_of(&X86_64.qemu, "qemu-0123456789ab"));
        assert!(!is_of(&X86_64.qemu, "qemu-arm-0123456789ab"));
        assert!(is_of(&AARCH64.qemu, "qemu-arm-0123456789ab"));
    }

    #[test]
    fn a_dead_mirror_is_a_network_error() {
        assert!(is_network_error(
            "E: Failed to fetch http://x/InRelease  Unable to connect to x:http:"
        ));
        assert!(!is_network_error("E: mmdebstrap failed to run"));
    }
}
