// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Giving disk space back.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::cache::{entries, Cache, CacheLock};
use crate::{namespace, LabError};

/// What to remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CleanWhat {
    /// What can be built again without the network: kernels, modules, logs.
    Builds,
    /// Everything, the build root and the kernel sources too.
    All,
}

/// What was removed.
#[derive(Debug, Clone, Serialize)]
pub struct CleanReport {
    /// The folders, with what each took on disk in bytes.
    pub removed: Vec<(PathBuf, u64)>,
}

impl CleanReport {
    /// What was freed in all, in bytes.
    #[must_use]
    pub fn freed(&self) -> u64 {
        self.removed.iter().map(|(_, bytes)| bytes).sum()
    }
}

pub(crate) fn clean(
    cache: &Cache,
    _lock: &CacheLock,
    what: CleanWhat,
) -> Result<CleanReport, LabError> {
    let folders: &[&str] = match what {
        CleanWhat::Builds => &["builds", "modules", "logs"],
        // `tmp` belongs to processes that are running, `lock` is held.
        CleanWhat::All => &[
            "builds",
            "modules",
            "logs",
            "trees",
            "roots",
            "apt",
            "used.toml",
        ],
    };
    let mut removed = Vec::new();
    for folder in folders {
        let path = cache.path(folder);
        if path.exists() {
            let bytes = disk_use(&path);
            namespace::remove_all(&path)?;
            removed.push((path, bytes));
        }
    }
    Ok(CleanReport { removed })
}

/// What a file or folder takes on disk, in bytes; unreadable folders count as empty.
fn disk_use(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let Ok(meta) = path.symlink_metadata() else {
        return 0;
    };
    let own = meta.blocks() * 512;
    if meta.is_dir() {
        entries(path).map(|(_, path)| disk_use(&path)).sum::<u64>() + own
    } else {
        own / meta.nlink().max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{files, Quiet};

    #[test]
    fn builds_go_and_what_took_the_network_stays() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(Some(dir.path().to_owned())).unwrap();
        for path in ["builds/x/image", "trees/y/linux/Makefile"] {
            files::write_whole(&cache.path(path), &[0; 8192]).unwrap();
        }
        let lock = cache.lock(&Quiet).unwrap();
        let report = clean(&cache, &lock, CleanWhat::Builds).unwrap();
        assert!(report.freed() >= 8192);
        assert!(!cache.path("builds").exists() && cache.path("trees/y").exists());
        clean(&cache, &lock, CleanWhat::All).unwrap();
        assert!(!cache.path("trees").exists());
    }
}
