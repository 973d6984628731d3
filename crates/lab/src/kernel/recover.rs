// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Making a build folder sound again after a build that was killed.
//!
//! `make` trusts a file that is newer than what it is made from. A compiler that was killed while
//! it wrote may have left such a file half-written. It was written to until the very end, so its
//! time is among the newest: those go, and `make` makes them again.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::{files, LabError};

/// How long a file may have been under way when the build was killed.
const WINDOW: Duration = Duration::from_secs(10);

/// What stays: the configuration and what stands for it, all of which is written whole. Without
/// the time stamps in `include/config`, nothing would be made anew when a setting has changed.
const STAYS: &[&str] = &[".config", "dmasan.config", "include/"];

/// Removes the files in `out` that may be half-written; returns how many. That goes for all that
/// `make` makes: objects, but also sources and headers that are generated.
pub(super) fn recover(out: &Path) -> Result<usize, LabError> {
    let mut newest = SystemTime::UNIX_EPOCH;
    let mut products = Vec::new();
    for path in files::walk(out, &|_| true).map_err(LabError::io("list", out))? {
        let full = out.join(&path);
        let Ok(meta) = full.symlink_metadata() else {
            continue;
        };
        let Ok(modified) = meta.modified() else {
            continue;
        };
        newest = newest.max(modified);
        if meta.is_file() && !STAYS.iter().any(|stays| path.starts_with(stays)) {
            products.push((full, modified, meta.len()));
        }
    }
    let oldest_suspect = newest.checked_sub(WINDOW).unwrap_or(newest);
    let mut removed = 0;
    for (path, modified, length) in products {
        // A machine that lost power leaves empty files.
        if modified >= oldest_suspect || length == 0 {
            fs::remove_file(&path).map_err(LabError::io("remove", &path))?;
            removed += 1;
        }
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_products_go_and_older_ones_stay() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, content: &str, age: u64| {
            let path = dir.path().join(name);
            files::write_whole(&path, content.as_bytes()).unwrap();
            let time = SystemTime::now() - Duration::from_secs(age);
            fs::File::open(&path).unwrap().set_modified(time).unwrap();
        };
        file("mm/old.o", "x", 100);
        file("mm/new.o", "x", 51);
        file("mm/empty.o", "", 100);
        file("mm/.new.o.cmd", "x", 50);
        file("rust/bindings/bindings_generated.rs", "half of i", 52);
        file(".config", "x", 50);
        file("include/config/SMP", "x", 50);
        assert_eq!(recover(dir.path()).unwrap(), 4);
        for (name, stays) in [
            ("mm/old.o", true),
            ("mm/new.o", false),
            ("mm/empty.o", false),
            ("mm/.new.o.cmd", false),
            ("rust/bindings/bindings_generated.rs", false),
            (".config", true),
            ("include/config/SMP", true),
        ] {
            assert_eq!(dir.path().join(name).exists(), stays, "{name}");
        }
    }
}
