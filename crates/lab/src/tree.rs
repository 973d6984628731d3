// SPDX-License-Identifier: Apache-2.0 OR MIT

//! A kernel tree in the cache with the series applied.
//!
//! | file | what |
//! |---|---|
//! | `linux/` | the tree |
//! | `pristine/` | what the files that the series changes were before |
//! | `managed.json` | which files those are, and which series is applied |
//!
//! A changed series is computed from the pristine files, and only what differs is written: `make`
//! then builds only what it must.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::series::{self, Fit, Series};
use crate::source::Source;
use crate::{files, LabError};

/// The files of a tree that the series has put there or changed.
#[derive(Debug, Default)]
pub(crate) struct Managed {
    dir: PathBuf,
    record: Record,
}

#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    /// The digest of the series and the source that the tree has; empty while it is being changed.
    applied: String,
    paths: BTreeSet<String>,
}

impl Managed {
    /// Reads what is recorded about the tree in `dir/linux`; nothing if there is no record.
    pub(crate) fn open(dir: &Path) -> Result<Managed, LabError> {
        let path = dir.join("managed.json");
        let bytes = files::read_optional(&path).map_err(LabError::io("read", &path))?;
        let record = match bytes {
            Some(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| LabError::io("read", &path)(error.into()))?,
            None => Record::default(),
        };
        Ok(Managed {
            dir: dir.to_owned(),
            record,
        })
    }

    /// Whether the series owns a file of the tree.
    pub(crate) fn contains(&self, path: &str) -> bool {
        self.record.paths.contains(path)
    }

    /// Where a file as the source has it belongs: aside for the files that the series owns.
    pub(crate) fn base_path(&self, path: &str) -> PathBuf {
        let folder = if self.contains(path) {
            "pristine"
        } else {
            "linux"
        };
        self.dir.join(folder).join(path)
    }

    /// Drops pristine files that the source no longer has.
    pub(crate) fn forget_base_except(&self, keep: &dyn Fn(&str) -> bool) -> Result<(), LabError> {
        let pristine = self.dir.join("pristine");
        for path in self.record.paths.iter().filter(|path| !keep(path)) {
            files::remove_with_empty_parents(&pristine, &pristine.join(path))?;
        }
        Ok(())
    }

    fn save(&self) -> Result<(), LabError> {
        let path = self.dir.join("managed.json");
        let bytes = serde_json::to_vec(&self.record)
            .map_err(|error| LabError::io("write", &path)(error.into()))?;
        files::write_whole(&path, &bytes)
    }
}

/// What a tree is when `series` is applied to `source`.
pub(crate) fn state(source: &Source, series: &Series) -> String {
    let mut digest = crate::digest::Digest::new("tree");
    digest.field(&source.fingerprint).field(series.digest());
    digest.finish()
}

/// Whether the tree has the state already.
pub(crate) fn is_current(source: &Source, state: &str) -> bool {
    Managed::open(&source.dir).is_ok_and(|managed| managed.record.applied == state)
}

/// The state that the tree in `dir/linux` has.
pub(crate) fn applied(dir: &Path) -> Result<String, LabError> {
    Ok(Managed::open(dir)?.record.applied)
}

/// Makes the tree of `source` have `series`, whatever it had before.
pub(crate) fn sync(source: &Source, series: &Series) -> Result<Option<Fit>, LabError> {
    let state = state(source, series);
    let mut managed = Managed::open(&source.dir)?;
    if managed.record.applied == state {
        return Ok(None);
    }
    let linux = source.dir.join("linux");
    let (changes, fit) = series::plan(series, &source.version, &|path| {
        files::read_optional(&managed.base_path(path))
    })?;
    if !fit.fits() {
        return Err(LabError::DoesNotFit {
            path: linux,
            fit: Box::new(fit),
        });
    }

    // From here to the end the record owns the files of both series, so that a run that is killed
    // leaves none behind that nobody knows.
    for path in changes.keys() {
        save_pristine(&managed, &source.dir, path)?;
    }
    managed.record.applied.clear();
    managed.record.paths.extend(changes.keys().cloned());
    managed.save()?;

    for path in managed.record.paths.clone() {
        match changes.get(&path) {
            Some(Some(bytes)) => drop(files::write_if_changed(&linux.join(&path), bytes)?),
            Some(None) => files::remove_with_empty_parents(&linux, &linux.join(&path))?,
            None => {
                restore(&source.dir, &path)?;
                managed.record.paths.remove(&path);
            }
        }
    }
    managed.record.applied = state;
    managed.save()?;
    Ok(Some(fit))
}

/// Keeps a file as the source has it, before the series owns it.
fn save_pristine(managed: &Managed, dir: &Path, path: &str) -> Result<(), LabError> {
    if managed.contains(path) {
        return Ok(());
    }
    let from = dir.join("linux").join(path);
    match files::read_optional(&from).map_err(LabError::io("read", &from))? {
        Some(bytes) => files::write_whole(&dir.join("pristine").join(path), &bytes),
        None => files::remove_with_empty_parents(
            &dir.join("pristine"),
            &dir.join("pristine").join(path),
        ),
    }
}

/// Gives a file back to the source. The pristine copy is taken, not moved: its time of change is
/// older than what was built from the changed file.
fn restore(dir: &Path, path: &str) -> Result<(), LabError> {
    let (pristine, file) = (
        dir.join("pristine").join(path),
        dir.join("linux").join(path),
    );
    match fs::read(&pristine) {
        Ok(bytes) => {
            files::write_if_changed(&file, &bytes)?;
            files::remove_with_empty_parents(&dir.join("pristine"), &pristine)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            files::remove_with_empty_parents(&dir.join("linux"), &file)
        }
        Err(error) => Err(LabError::io("read", &pristine)(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceInfo;
    use std::time::SystemTime;

    fn source(dir: &Path) -> Source {
        files::write_whole(&dir.join("linux/mm/a.c"), b"one\ntwo\n").unwrap();
        files::write_whole(&dir.join("linux/mm/b.c"), b"b\n").unwrap();
        Source {
            info: SourceInfo::Tree { path: "/x".into() },
            dir: dir.to_owned(),
            fingerprint: "f".into(),
            version: "7.3.4".into(),
        }
    }

    fn series(new_line: &str, overlay: &[&str]) -> Series {
        let patch = format!(
            "diff --git a/mm/a.c b/mm/a.c\n--- a/mm/a.c\n+++ b/mm/a.c\n@@ -1,2 +1,2 @@\n-one\n+{new_line}\n two\n"
        );
        Series {
            overlay: overlay
                .iter()
                .map(|path| ((*path).to_owned(), b"x\n".to_vec()))
                .collect(),
            patches: vec![("0001-a.patch".into(), patch)],
        }
    }

    fn text(dir: &Path, path: &str) -> String {
        fs::read_to_string(dir.join("linux").join(path)).unwrap()
    }

    fn time(dir: &Path, path: &str) -> SystemTime {
        fs::metadata(dir.join("linux").join(path))
            .unwrap()
            .modified()
            .unwrap()
    }

    #[test]
    fn a_changed_series_replaces_the_old_one_and_touches_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let source = source(dir.path());
        sync(&source, &series("ONE", &["new/x.rs", "new/y.rs"])).unwrap();
        assert_eq!(text(dir.path(), "mm/a.c"), "ONE\ntwo\n");
        let before = time(dir.path(), "new/y.rs");
        std::thread::sleep(std::time::Duration::from_millis(20));

        sync(&source, &series("UNO", &["new/y.rs"])).unwrap();
        assert_eq!(text(dir.path(), "mm/a.c"), "UNO\ntwo\n");
        assert_eq!(time(dir.path(), "new/y.rs"), before);
        assert!(!dir.path().join("linux/new/x.rs").exists());
    }

    #[test]
    fn an_empty_series_gives_the_source_back() {
        let dir = tempfile::tempdir().unwrap();
        let source = source(dir.path());
        sync(&source, &series("ONE", &["new/x.rs", "mm/b.c"])).unwrap();
        sync(&source, &Series::default()).unwrap();
        assert_eq!(text(dir.path(), "mm/a.c"), "one\ntwo\n");
        assert_eq!(text(dir.path(), "mm/b.c"), "b\n");
        assert!(!dir.path().join("linux/new").exists());
        assert!(!dir.path().join("pristine/mm/a.c").exists());
    }

    #[test]
    fn a_run_that_was_killed_half_way_is_taken_up() {
        let dir = tempfile::tempdir().unwrap();
        let source = source(dir.path());
        let first = series("ONE", &["new/x.rs"]);
        sync(&source, &first).unwrap();
        // As it is after the record was written and some of the files.
        let mut managed = Managed::open(dir.path()).unwrap();
        managed.record.applied.clear();
        managed.record.paths.insert("new/z.rs".into());
        managed.save().unwrap();
        files::write_whole(&dir.path().join("linux/mm/a.c"), b"half").unwrap();
        files::write_whole(&dir.path().join("linux/new/z.rs"), b"half").unwrap();

        assert!(sync(&source, &first).unwrap().is_some());
        assert_eq!(text(dir.path(), "mm/a.c"), "ONE\ntwo\n");
        assert!(!dir.path().join("linux/new/z.rs").exists());
        assert!(sync(&source, &first).unwrap().is_none());
    }

    #[test]
    fn a_series_that_does_not_fit_leaves_the_tree_alone() {
        let dir = tempfile::tempdir().unwrap();
        let source = source(dir.path());
        sync(&source, &series("ONE", &[])).unwrap();
        let mut other = series("UNO", &[]);
        other.patches[0].1 = other.patches[0].1.replace("-one", "-eins");
        assert!(matches!(
            sync(&source, &other),
            Err(LabError::DoesNotFit { .. })
        ));
        assert_eq!(text(dir.path(), "mm/a.c"), "ONE\ntwo\n");
    }
}
