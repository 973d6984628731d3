// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The kernel source as Debian packages it.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde::{Deserialize, Serialize};

use super::{Source, SourceInfo};
use crate::cache::{entries, Cache};
use crate::debian::{Apt, Available};
use crate::lockfile::{LockFile, SourcePin};
use crate::namespace::remove_all;
use crate::process::{tethered, Job};
use crate::{digest, files, LabError, Progress, Step};

/// The package and what is unpacked from it, in MiB.
pub(crate) const DOWNLOAD_MIB: u64 = 160;
pub(crate) const UNPACKED_MIB: u64 = 1850;
/// Records of 10 KiB in the archive, for the progress bar only.
const RECORDS: u64 = 170_000;
const CHECKPOINT: u64 = 1000;

/// What is known about an unpacked source; written last, so it also says that all is there.
#[derive(Debug, Serialize, Deserialize)]
struct Unpacked {
    info: SourceInfo,
    version: String,
}

/// The source in the cache: the pinned version if it is there, else the newest later one.
/// Earlier ones are of an earlier project, whose series they fitted.
pub(crate) fn existing(cache: &Cache, pin: &SourcePin) -> Option<Source> {
    let prefix = format!("{}_", pin.package);
    let version = |name: &str| name.strip_prefix(&prefix).map(numbers);
    let mut candidates: Vec<_> = entries(&cache.path("trees"))
        .filter_map(|(name, path)| Some((version(&name)?, name, path)))
        .filter(|(version, ..)| *version >= numbers(&pin.version))
        .collect();
    candidates.sort();
    let pinned = format!("{prefix}{}", pin.version);
    // Stable, so the newest stays last among the others.
    candidates.sort_by_key(|(_, name, _)| *name == pinned);
    candidates.iter().rev().find_map(|(_, _, path)| read(path))
}

/// The numbers in a version, for comparing.
fn numbers(version: &str) -> Vec<u64> {
    version
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|number| number.parse().ok())
        .collect()
}

/// The source, downloaded if it is not there.
pub(crate) fn obtain(cache: &Cache, progress: &dyn Progress) -> Result<Source, LabError> {
    let pin = LockFile::embedded()?.source;
    if let Some(source) = existing(cache, &pin) {
        return Ok(source);
    }
    cache.require_space("the kernel source", DOWNLOAD_MIB + UNPACKED_MIB)?;
    let mut step = progress.begin("kernel source");
    let apt = Apt::open(cache)?;
    apt.update(&mut *step)?;
    let found = apt
        .newest(&pin.package)
        .ok_or_else(|| LabError::SourceGone {
            package: pin.package.clone(),
            available: apt.names("linux-source-"),
        })?;
    if found.version != pin.version {
        progress.note(&format!(
            "the mirror has {} {} rather than the pinned {}; using it if the series fits",
            found.package, found.version, pin.version
        ));
    }

    let dir = cache
        .path("trees")
        .join(format!("{}_{}", found.package, found.version));
    let aside = files::aside(&dir);
    files::create_dir(&aside)?;
    let made = download(&apt, &found, &pin, &aside, &mut *step)
        .and_then(|()| unpack(cache, &found, &aside, &mut *step))
        .and_then(|()| fs::rename(&aside, &dir).map_err(LabError::io("rename", &aside)));
    if let Err(error) = made {
        // The first error is the one to tell; what stays is swept by the next run.
        let _ = remove_all(&aside);
        return Err(error);
    }
    let source = read(&dir).ok_or_else(|| LabError::NotAKernelTree {
        path: dir.join("linux"),
        why: "it was unpacked incompletely".to_owned(),
    })?;
    step.finish(&format!(
        "Linux {} ({} {})",
        source.version, found.package, found.version
    ));
    Ok(source)
}

fn read(dir: &Path) -> Option<Source> {
    let text = fs::read(dir.join("source.json")).ok()?;
    let Unpacked { info, version } = serde_json::from_slice(&text).ok()?;
    let SourceInfo::Debian { sha256, .. } = &info else {
        return None;
    };
    Some(Source {
        dir: dir.to_owned(),
        fingerprint: sha256.clone(),
        version,
        info,
    })
}

/// Fetches the package into `aside/package.deb` and checks it.
fn download(
    apt: &Apt,
    found: &Available,
    pin: &SourcePin,
    aside: &Path,
    step: &mut dyn Step,
) -> Result<(), LabError> {
    step.message(&format!("downloading {} {}", found.package, found.version));
    let file = apt.download(found, aside, step)?;
    let sha256 = digest::of_file(&file).map_err(LabError::io("read", &file))?;
    check(found, pin, &sha256)?;
    let package = aside.join("package.deb");
    fs::rename(&file, &package).map_err(LabError::io("rename", &file))
}

/// The file must be what the mirror's signed list says, and what is pinned if that is its version.
fn check(found: &Available, pin: &SourcePin, sha256: &str) -> Result<(), LabError> {
    let pinned = (found.version == pin.version).then_some(&pin.sha256);
    for expected in [Some(&found.sha256), pinned].into_iter().flatten() {
        if expected != sha256 {
            return Err(LabError::Checksum {
                what: format!("{} {}", found.package, found.version),
                expected: expected.clone(),
                found: sha256.to_owned(),
            });
        }
    }
    Ok(())
}

/// Unpacks `aside/package.deb` to `aside/linux`, and removes it.
fn unpack(
    cache: &Cache,
    found: &Available,
    aside: &Path,
    step: &mut dyn Step,
) -> Result<(), LabError> {
    let (package, linux) = (aside.join("package.deb"), aside.join("linux"));
    files::create_dir(&linux)?;
    step.message("unpacking");
    step.set_total(RECORDS);
    step.advance_to(0);
    let log = cache.new_log("unpack")?;
    let job = Job {
        what: "unpacking the kernel source",
        command: unpacker(&package, &linux),
        log: &log,
        needs_mib: UNPACKED_MIB,
    };
    let mut records = 0;
    job.run(&mut |line| {
        if line.starts_with("checkpoint") {
            records += CHECKPOINT;
            step.advance_to(records.min(RECORDS));
        }
    })?;
    let version = files::kernel_version(&linux)?.to_string();
    let info = SourceInfo::Debian {
        package: found.package.clone(),
        version: found.version.clone(),
        sha256: found.sha256.clone(),
    };
    let text = serde_json::to_vec(&Unpacked { info, version })
        .map_err(|error| LabError::io("write", aside)(error.into()))?;
    files::write_whole(&aside.join("source.json"), &text)?;
    fs::remove_file(&package).map_err(LabError::io("remove", &package))
}

/// The package holds one compressed archive: nothing but the tree itself touches the disk.
fn unpacker(package: &Path, linux: &Path) -> Command {
    let mut command = tethered("bash");
    command
        .args([
            "-c",
            "set -eo pipefail; dpkg-deb --fsys-tarfile \"$0\" \
             | tar -x --to-stdout --wildcards './usr/src/linux-source-*.tar.*' \
             | tar -x --xz -C \"$1\" --strip-components=1 --no-same-owner --checkpoint=\"$2\" --checkpoint-action=exec='echo checkpoint'",
        ])
        .arg(package)
        .arg(linux)
        .arg(CHECKPOINT.to_string());
    command
}

/// Whether anything would have to be fetched, for the doctor.
pub(crate) fn is_cached(cache: &Cache) -> bool {
    LockFile::embedded().is_ok_and(|lock| existing(cache, &lock.source).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin() -> SourcePin {
        SourcePin {
            suite: "s".into(),
            package: "linux-source-7.3".into(),
            version: "7.3.4-1".into(),
            sha256: "aa".into(),
        }
    }

    fn found(version: &str, sha256: &str) -> Available {
        Available {
            package: "linux-source-7.3".into(),
            version: version.into(),
            size: 1,
            sha256: sha256.into(),
        }
    }

    #[test]
    fn a_pinned_version_must_have_the_pinned_checksum() {
        assert!(check(&found("7.3.4-1", "aa"), &pin(), "aa").is_ok());
        // A mirror whose list agrees with its file, but not with what was pinned.
        let error = check(&found("7.3.4-1", "bb"), &pin(), "bb").unwrap_err();
        assert!(
            matches!(error, LabError::Checksum { ref expected, .. } if expected == "aa"),
            "{error}"
        );
    }

    #[test]
    fn a_newer_version_must_have_the_lists_checksum() {
        assert!(check(&found("7.3.5-1", "bb"), &pin(), "bb").is_ok());
        assert!(check(&found("7.3.5-1", "bb"), &pin(), "cc").is_err());
    }

    fn cached(versions: &[&str], pin: &str) -> Option<String> {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(Some(dir.path().to_owned())).unwrap();
        files::create_dir(&cache.path("trees/linux-source-7.3_7.3.99-1")).unwrap();
        for version in versions {
            let info = SourceInfo::Debian {
                package: "linux-source-7.3".into(),
                version: (*version).into(),
                sha256: (*version).into(),
            };
            let text = serde_json::to_vec(&Unpacked {
                info,
                version: (*version).into(),
            })
            .unwrap();
            let path = cache.path(format!("trees/linux-source-7.3_{version}/source.json"));
            files::write_whole(&path, &text).unwrap();
        }
        let pin = SourcePin {
            version: pin.into(),
            ..self::pin()
        };
        existing(&cache, &pin).map(|source| source.fingerprint)
    }

    #[test]
    fn the_pinned_version_is_preferred_and_an_unfinished_one_is_not_seen() {
        assert_eq!(
            cached(&["7.3.4-1", "7.3.5-1"], "7.3.4-1").as_deref(),
            Some("7.3.4-1")
        );
    }

    #[test]
    fn a_later_version_will_do_and_an_earlier_one_will_not() {
        assert_eq!(
            cached(&["7.3.9-1", "7.3.10-1"], "7.3.4-1").as_deref(),
            Some("7.3.10-1")
        );
        assert_eq!(cached(&["7.3.3-1"], "7.3.4-1"), None);
    }
}
