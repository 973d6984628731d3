// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Putting the series into a user's tree, all or nothing.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{plan, Changes, Fit, Series, WRITTEN_FOR};
use crate::files::{self, KernelVersion};
use crate::LabError;

pub(super) fn check(series: &Series, tree: &Path) -> Result<Fit, LabError> {
    let (_, fit) = plan_for(series, tree)?;
    Ok(fit)
}

pub(super) fn apply(series: &Series, tree: &Path) -> Result<Fit, LabError> {
    let (changes, fit) = plan_for(series, tree)?;
    if !fit.fits() {
        return Err(LabError::DoesNotFit {
            path: tree.to_owned(),
            fit: Box::new(fit),
        });
    }
    commit(tree, &changes)?;
    Ok(fit)
}

/// The version of a tree, if the sanitizer can be put into it.
pub(crate) fn supported_version(tree: &Path) -> Result<KernelVersion, LabError> {
    let version = files::kernel_version(tree)?;
    // The C implementation, whose hooks are used, came with 7.0.
    if version.major < 7 {
        return Err(LabError::UnsupportedVersion {
            path: tree.to_owned(),
            found: version.to_string(),
            written_for: format!("{}.{}", WRITTEN_FOR.0, WRITTEN_FOR.1),
        });
    }
    Ok(version)
}

fn plan_for(series: &Series, tree: &Path) -> Result<(Changes, Fit), LabError> {
    let version = supported_version(tree)?;
    plan(series, &version.to_string(), &|path| {
        files::read_optional(&tree.join(path))
    })
}

/// A file to be replaced: its new contents lie beside it, its old ones are remembered.
struct Replacement {
    target: PathBuf,
    aside: PathBuf,
    old: Option<Vec<u8>>,
}

/// Writes everything beside its place first, so that what is left to do cannot run out of space;
/// undoes what was done if it fails all the same.
fn commit(tree: &Path, changes: &Changes) -> Result<(), LabError> {
    let mut replacements = Vec::new();
    let written = changes.iter().try_for_each(|(path, content)| {
        let target = tree.join(path);
        let old = files::read_optional(&target).map_err(LabError::io("read", &target))?;
        let Some(content) = content
            .as_ref()
            .filter(|content| old.as_ref() != Some(content))
        else {
            return Ok(());
        };
        let aside = files::aside(&target);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).map_err(LabError::io("create", parent))?;
        }
        let result = write_aside(&aside, &target, content).map_err(LabError::io("write", &aside));
        replacements.push(Replacement { target, aside, old });
        result
    });
    let renamed = written.and_then(|()| {
        for (done, replacement) in replacements.iter().enumerate() {
            if let Err(error) = fs::rename(&replacement.aside, &replacement.target) {
                undo(&replacements[..done]);
                return Err(LabError::io("replace", &replacement.target)(error));
            }
        }
        Ok(())
    });
    if renamed.is_err() {
        for replacement in &replacements {
            // Gone already if it was renamed or never written.
            let _ = fs::remove_file(&replacement.aside);
        }
    }
    renamed
}

/// Writes the new contents beside `target`, with its permissions, all the way to the disk.
fn write_aside(aside: &Path, target: &Path, content: &[u8]) -> io::Result<()> {
    fs::write(aside, content)?;
    if let Ok(meta) = target.metadata() {
        fs::set_permissions(aside, meta.permissions())?;
    }
    fs::File::open(aside)?.sync_data()
}

fn undo(done: &[Replacement]) {
    for replacement in done {
        // Nothing better can be done about a second failure than to go on with the others.
        let _ = match &replacement.old {
            Some(old) => fs::write(&replacement.target, old),
            None => fs::remove_file(&replacement.target),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::write(
            dir.path().join("Makefile"),
            "VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 4\nEXTRAVERSION =\n",
        )
        .unwrap();
        fs::write(dir.path().join("Kbuild"), "").unwrap();
        fs::write(dir.path().join("Kconfig"), "").unwrap();
        fs::create_dir(dir.path().join("mm")).unwrap();
        fs::write(dir.path().join("mm/a.c"), "one\ntwo\n").unwrap();
        dir
    }

    fn series(old: &str) -> Series {
        let patch = format!("diff --git a/mm/a.c b/mm/a.c\n--- a/mm/a.c\n+++ b/mm/a.c\n@@ -1,2 +1,2 @@\n-{old}\n+ONE\n two\n");
        Series {
            overlay: [("drivers/x/new.rs".to_owned(), b"new\n".to_vec())].into(),
            patches: vec![("0001-a.patch".to_owned(), patch)],
        }
    }

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(dir)
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_fitting_series_changes_and_adds_files_and_leaves_nothing_beside_them() {
        let tree = tree();
        let fit = apply(&series("one"), tree.path()).unwrap();
        assert_eq!(fit.exact, 1);
        assert_eq!(
            fs::read_to_string(tree.path().join("mm/a.c")).unwrap(),
            "ONE\ntwo\n"
        );
        assert_eq!(
            fs::read_to_string(tree.path().join("drivers/x/new.rs")).unwrap(),
            "new\n"
        );
        assert_eq!(names(&tree.path().join("mm")), ["a.c"]);
        assert_eq!(apply(&series("one"), tree.path()).unwrap().already, 1);
    }

    #[test]
    fn a_series_that_does_not_fit_changes_nothing() {
        let tree = tree();
        let error = apply(&series("uno"), tree.path()).unwrap_err();
        assert!(
            error.to_string().contains("0001-a.patch: mm/a.c: hunk 1"),
            "{error}"
        );
        assert_eq!(
            fs::read_to_string(tree.path().join("mm/a.c")).unwrap(),
            "one\ntwo\n"
        );
        assert!(!tree.path().join("drivers").exists());
    }

    #[test]
    fn a_failure_half_way_is_undone() {
        let tree = tree();
        let mut series = series("one");
        // A folder where a file should go: writing aside works, renaming does not.
        fs::create_dir_all(tree.path().join("zz/blocked/x")).unwrap();
        series
            .overlay
            .insert("zz/blocked".to_owned(), b"x".to_vec());
        let changes = plan_for(&series, tree.path());
        let result = changes.and_then(|(changes, _)| commit(tree.path(), &changes));
        assert!(result.is_err());
        assert_eq!(
            fs::read_to_string(tree.path().join("mm/a.c")).unwrap(),
            "one\ntwo\n"
        );
        assert_eq!(names(&tree.path().join("zz")), ["blocked"]);
    }

    #[test]
    fn an_old_kernel_is_refused() {
        let tree = tree();
        fs::write(
            tree.path().join("Makefile"),
            "VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 0\nEXTRAVERSION =\n",
        )
        .unwrap();
        let error = check(&Series::default(), tree.path()).unwrap_err();
        assert!(
            matches!(error, LabError::UnsupportedVersion { .. }),
            "{error}"
        );
    }

    #[test]
    fn a_folder_that_is_no_kernel_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let error = check(&Series::default(), dir.path()).unwrap_err();
        assert!(matches!(error, LabError::NotAKernelTree { .. }), "{error}");
    }
}
