// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The folder where everything lies that is expensive to make.
//!
//! | folder | what |
//! |---|---|
//! | `roots/` | build roots: a Debian with the compilers |
//! | `trees/` | kernel sources, with the series applied |
//! | `builds/` | build folders of kernels, and the kernels |
//! | `modules/` | modules built out of tree |
//! | `guests/` | initramfs images, by content |
//! | `logs/` | consoles of the last boots, logs of builds |
//! | `tmp/` | scratch of running processes |
//! | `apt/` | a package list of our own, so that the machine's is not touched |
//!
//! Nothing gets its final name before it is complete, and whoever makes something holds the lock;
//! so under the lock every unfinished thing is a dead run's, and is removed.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rustix::fs::{flock, statvfs, FlockOperation};
use tempfile::TempDir;

use crate::files::{self, PARTIAL};
use crate::{interrupt, namespace, LabError, Progress};

/// What a build root, a source tree and two kernels take, in MiB, with room to spare.
pub(crate) const WHOLE_LAB_MIB: u64 = 4800;
/// Consoles of boots that are kept.
const KEPT_LOGS: usize = 200;

/// The lab's folder.
#[derive(Debug)]
pub(crate) struct Cache {
    dir: PathBuf,
}

/// The right to change the cache; given back when dropped.
#[derive(Debug)]
pub(crate) struct CacheLock {
    // Closing the file releases the lock.
    _file: File,
}

impl Cache {
    /// Opens the cache in `dir`, or where the environment says.
    pub(crate) fn open(dir: Option<PathBuf>) -> Result<Cache, LabError> {
        let dir = match dir {
            Some(dir) => dir,
            None => default_dir().ok_or(LabError::NoCacheFolder)?,
        };
        files::create_dir(&dir)?;
        let dir = dir.canonicalize().map_err(LabError::io("find", &dir))?;
        Ok(Cache { dir })
    }

    /// A path in the cache.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.dir.join(name)
    }

    /// Waits until no other process changes the cache, then sweeps what dead ones left.
    pub(crate) fn lock(&self, progress: &dyn Progress) -> Result<CacheLock, LabError> {
        let path = self.path("lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(LabError::io("open", &path))?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            progress.note("another dmasan is working in the cache; waiting for it");
            // Polled, since a blocking call could not be interrupted.
            while flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
                interrupt::check()?;
                std::thread::sleep(std::time::Duration::from_millis(100));
            }
        }
        self.sweep()?;
        Ok(CacheLock { _file: file })
    }

    fn sweep(&self) -> Result<(), LabError> {
        for folder in ["", "roots", "trees", "builds", "modules", "guests"] {
            for (name, path) in entries(&self.dir.join(folder)) {
                if name.contains(PARTIAL) {
                    namespace::remove_all(&path)?;
                }
            }
        }
        for (name, path) in entries(&self.path("tmp")) {
            let owner = name.split('-').next().unwrap_or_default();
            if !Path::new("/proc").join(owner).exists() {
                namespace::remove_all(&path)?;
            }
        }
        Ok(())
    }

    /// An error unless the disk has room for `needed_mib`.
    pub(crate) fn require_space(&self, what: &str, needed_mib: u64) -> Result<(), LabError> {
        match available_mib(&self.dir) {
            Some(available) if available < needed_mib => {
                Err(LabError::no_space(&self.dir, what, needed_mib))
            }
            _ => Ok(()),
        }
    }

    /// A folder for one process, removed when dropped.
    pub(crate) fn scratch(&self) -> Result<TempDir, LabError> {
        let tmp = self.path("tmp");
        files::create_dir(&tmp)?;
        tempfile::Builder::new()
            .prefix(&format!("{}-", std::process::id()))
            .tempdir_in(&tmp)
            .map_err(LabError::io("create a folder in", &tmp))
    }

    /// A new file name for a log; the oldest logs make room.
    pub(crate) fn new_log(&self, name: &str) -> Result<PathBuf, LabError> {
        let logs = self.path("logs");
        files::create_dir(&logs)?;
        let mut old: Vec<_> = entries(&logs)
            .filter_map(|(_, path)| Some((path.metadata().ok()?.modified().ok()?, path)))
            .collect();
        old.sort();
        for (_, path) in old.iter().take(old.len().saturating_sub(KEPT_LOGS)) {
            // Another process may have removed it already.
            let _ = fs::remove_file(path);
        }
        let since_epoch = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        tempfile::Builder::new()
            .prefix(&format!("{name}-{}-", since_epoch.as_millis()))
            .suffix(".log")
            .rand_bytes(4)
            .tempfile_in(&logs)
            .and_then(|file| file.into_temp_path().keep().map_err(Into::into))
            .map_err(LabError::io("create a log in", &logs))
    }
}

/// Names and paths of a folder's entries; none if it does not exist.
pub(crate) fn entries(folder: &Path) -> impl Iterator<Item = (String, PathBuf)> {
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| {
            (
                entry.file_name().to_string_lossy().into_owned(),
                entry.path(),
            )
        })
}

/// Free space on the file system of `path` for this user, in MiB. A file that does not exist
/// stands for the folder above it.
pub(crate) fn available_mib(path: &Path) -> Option<u64> {
    let existing = path.ancestors().find(|path| path.exists())?;
    let stat = statvfs(existing).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize) >> 20)
}

fn default_dir() -> Option<PathBuf> {
    let set = |name| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    set("DMASAN_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|dir| dir.join("dmasan")))
        .or_else(|| set("HOME").map(|dir| dir.join(".cache/dmasan")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Quiet;

    fn cache() -> (TempDir, Cache) {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(Some(dir.path().to_owned())).unwrap();
        (dir, cache)
    }

    #[test]
    fn a_dead_runs_leftovers_are_swept_and_complete_things_stay() {
        let (_dir, cache) = cache();
        // No process has this number: the kernel's limit is 4194304.
        for path in ["trees/x.partial-99/a", "trees/y/a", "tmp/99999999-abc/a"] {
            files::write_whole(&cache.path(path), b"").unwrap();
        }
        let mine = cache.scratch().unwrap();
        let _lock = cache.lock(&Quiet).unwrap();
        assert!(!cache.path("trees/x.partial-99").exists());
        assert!(!cache.path("tmp/99999999-abc").exists());
        assert!(cache.path("trees/y/a").exists() && mine.path().exists());
    }

    #[test]
    fn the_lock_excludes_and_is_released() {
        let (_dir, cache) = cache();
        let lock = cache.lock(&Quiet).unwrap();
        let second = File::open(cache.path("lock")).unwrap();
        assert!(flock(&second, FlockOperation::NonBlockingLockExclusive).is_err());
        drop(lock);
        assert!(flock(&second, FlockOperation::NonBlockingLockExclusive).is_ok());
    }

    #[test]
    fn too_little_space_says_how_much_is_needed() {
        let (_dir, cache) = cache();
        let error = cache.require_space("a moon", 1 << 40).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("a moon needs about 1099511627776 MiB"),
            "{error}"
        );
    }
}
