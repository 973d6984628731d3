// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Build folders: where they come from and when they go.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::build::BUILD_MIB;
use crate::cache::{entries, Cache};
use crate::namespace::remove_all;
use crate::process::{tethered, Job};
use crate::{files, LabError, Step};

/// Build folders that are kept.
pub(super) const KEPT: usize = 12;

/// Creates a build folder. It starts from another build of the same `origin` (tree, toolchain and
/// architecture), if there is one: most of its objects are the same.
pub(super) fn create(
    cache: &Cache,
    dir: &Path,
    origin: &str,
    step: &mut dyn Step,
) -> Result<(), LabError> {
    let aside = files::aside(dir);
    files::create_dir(&aside)?;
    let sibling = entries(&cache.path("builds"))
        .map(|(_, path)| path)
        .filter(|path| !path.join("unfinished").exists() && path.join("stamp.json").exists())
        .find(|path| fs::read_to_string(path.join("origin")).is_ok_and(|text| text == origin));
    match sibling {
        Some(sibling) => {
            step.message("starting from an earlier build");
            let mut command = tethered("cp");
            command
                .args(["-a", "--reflink=auto"])
                .arg(sibling.join("out"))
                .arg(aside.join("out"));
            let log = cache.new_log("seed")?;
            Job {
                what: "copying an earlier build",
                command,
                log: &log,
                needs_mib: BUILD_MIB,
            }
            .run(&mut |_| {})?;
        }
        None => files::create_dir(&aside.join("out"))?,
    }
    files::write_whole(&aside.join("origin"), origin.as_bytes())?;
    // A folder without `out` is what an interrupted `clean` leaves.
    remove_all(dir)?;
    fs::rename(&aside, dir).map_err(LabError::io("rename", &aside))
}

/// The time of the stamp is when the kernel was last asked for.
pub(super) fn mark_used(dir: &Path) {
    let touched = fs::File::open(dir.join("stamp.json"))
        .and_then(|file| file.set_modified(SystemTime::now()));
    // At worst it is built again some day.
    drop(touched);
}

/// Removes the builds that have not been asked for the longest.
pub(super) fn prune(cache: &Cache, keep: usize) -> Result<(), LabError> {
    let mut builds: Vec<(SystemTime, PathBuf)> = entries(&cache.path("builds"))
        .map(|(_, dir)| {
            let stamp = dir.join("stamp.json").metadata();
            // Without a stamp it is unfinished: the oldest of all.
            let used = stamp.and_then(|stamp| stamp.modified());
            (used.unwrap_or(SystemTime::UNIX_EPOCH), dir)
        })
        .collect();
    builds.sort();
    let surplus = builds.len().saturating_sub(keep);
    builds
        .iter()
        .take(surplus)
        .try_for_each(|(_, dir)| remove_all(dir))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_that_nobody_has_asked_for_make_room() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(Some(dir.path().to_owned())).unwrap();
        for (name, age) in [("old", 300), ("new", 10), ("middle", 200)] {
            let stamp = cache.path(format!("builds/{name}/stamp.json"));
            files::write_whole(&stamp, b"").unwrap();
            let time = SystemTime::now() - std::time::Duration::from_secs(age);
            fs::File::open(&stamp).unwrap().set_modified(time).unwrap();
        }
        mark_used(&cache.path("builds/old"));
        prune(&cache, 2).unwrap();
        assert!(!cache.path("builds/middle").exists());
        assert!(cache.path("builds/old").exists() && cache.path("builds/new").exists());
    }
}
