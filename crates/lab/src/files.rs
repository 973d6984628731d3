// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Small operations on files that keep what is there sound.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::LabError;

/// The name beside `path` under which something is made before it is renamed to `path`.
/// What a dead run leaves under such a name is swept.
pub(crate) fn aside(path: &Path) -> PathBuf {
    let mut name = path.file_name().map(OsString::from).unwrap_or_default();
    name.push(format!("{PARTIAL}{}", std::process::id()));
    path.with_file_name(name)
}

/// What is in the name of everything unfinished.
pub(crate) const PARTIAL: &str = ".partial-";

/// The contents of a file; `None` if there is no such file.
pub(crate) fn read_optional(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Replaces a file as a whole: a reader sees the old contents or the new ones.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), LabError> {
    if let Some(parent) = path.parent() {
        create_dir(parent)?;
    }
    let aside = aside(path);
    let written = fs::write(&aside, bytes)
        .and_then(|()| match path.metadata() {
            // A script stays executable.
            Ok(old) => fs::set_permissions(&aside, old.permissions()),
            Err(_) => Ok(()),
        })
        .map_err(LabError::io("write", &aside));
    let renamed =
        written.and_then(|()| fs::rename(&aside, path).map_err(LabError::io("replace", path)));
    if renamed.is_err() {
        // It may not have been created at all.
        let _ = fs::remove_file(&aside);
    }
    renamed
}

/// Replaces a file if its contents differ; an equal one keeps its time of change, so that `make`
/// does not build anew. Returns whether it was written.
pub(crate) fn write_if_changed(path: &Path, bytes: &[u8]) -> Result<bool, LabError> {
    let old = read_optional(path).map_err(LabError::io("read", path))?;
    if old.as_deref() == Some(bytes) {
        return Ok(false);
    }
    write_whole(path, bytes)?;
    Ok(true)
}

/// Creates a folder and its parents.
pub(crate) fn create_dir(path: &Path) -> Result<(), LabError> {
    fs::create_dir_all(path).map_err(LabError::io("create", path))
}

/// Removes a file, if it is there, and the folders above it that become empty, up to `top`.
pub(crate) fn remove_with_empty_parents(top: &Path, path: &Path) -> Result<(), LabError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(LabError::io("remove", path)(error))
        }
        _ => {}
    }
    let mut folder = path.parent();
    while let Some(empty) = folder.filter(|folder| *folder != top && folder.starts_with(top)) {
        if fs::remove_dir(empty).is_err() {
            break;
        }
        folder = empty.parent();
    }
    Ok(())
}

/// All regular files and links under a folder, relative to it, in order; `keep` is asked for every
/// path, folders included.
pub(crate) fn walk(top: &Path, keep: &dyn Fn(&str) -> bool) -> io::Result<Vec<String>> {
    fn descend(
        top: &Path,
        below: &str,
        keep: &dyn Fn(&str) -> bool,
        found: &mut Vec<String>,
    ) -> io::Result<()> {
        for entry in fs::read_dir(top.join(below))? {
            let entry = entry?;
            // A name that is no text is none of a source tree's.
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let path = if below.is_empty() {
                name
            } else {
                format!("{below}/{name}")
            };
            if !keep(&path) {
                continue;
            }
            if entry.file_type()?.is_dir() {
                descend(top, &path, keep, found)?;
            } else {
                found.push(path);
            }
        }
        Ok(())
    }
    let mut found = Vec::new();
    descend(top, "", keep, &mut found)?;
    found.sort();
    Ok(found)
}

/// What a tree's top Makefile says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KernelVersion {
    pub(crate) major: u32,
    minor: u32,
    patch: u32,
    extra: String,
}

impl fmt::Display for KernelVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}.{}.{}{}",
            self.major, self.minor, self.patch, self.extra
        )
    }
}

/// Reads the version of a kernel source tree.
pub(crate) fn kernel_version(tree: &Path) -> Result<KernelVersion, LabError> {
    let not_a_tree = |why: &str| LabError::NotAKernelTree {
        path: tree.to_owned(),
        why: why.to_owned(),
    };
    for name in ["Kbuild", "Kconfig"] {
        if !tree.join(name).is_file() {
            return Err(not_a_tree(&format!("it has no file {name}")));
        }
    }
    let makefile = fs::read_to_string(tree.join("Makefile"))
        .map_err(|error| not_a_tree(&error.to_string()))?;
    let field = |name: &str| {
        makefile.lines().take(20).find_map(|line| {
            let (key, value) = line.split_once('=')?;
            (key.trim() == name).then(|| value.trim().to_owned())
        })
    };
    let number = |name: &str| field(name).and_then(|value| value.parse().ok());
    match (number("VERSION"), number("PATCHLEVEL"), number("SUBLEVEL")) {
        (Some(major), Some(minor), Some(patch)) => Ok(KernelVersion {
            major,
            minor,
            patch,
            extra: field("EXTRAVERSION").unwrap_or_default(),
        }),
        _ => Err(not_a_tree("its Makefile names no version")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_equal_file_keeps_its_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b");
        assert!(write_if_changed(&path, b"x").unwrap());
        let before = fs::metadata(&path).unwrap().modified().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(20));
        assert!(!write_if_changed(&path, b"x").unwrap());
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), before);
        assert!(write_if_changed(&path, b"y").unwrap());
    }

    #[test]
    fn a_replaced_script_stays_executable() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.sh");
        write_whole(&path, b"1").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        write_whole(&path, b"2").unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o755
        );
    }

    #[test]
    fn empty_folders_go_with_their_last_file() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("a/b/c")).unwrap();
        fs::write(dir.path().join("a/b/c/file"), "").unwrap();
        fs::write(dir.path().join("a/other"), "").unwrap();
        remove_with_empty_parents(dir.path(), &dir.path().join("a/b/c/file")).unwrap();
        assert!(!dir.path().join("a/b").exists() && dir.path().join("a/other").exists());
    }

    #[test]
    fn a_walk_is_ordered_and_asks_for_folders() {
        let dir = tempfile::tempdir().unwrap();
        for path in ["b/x", "a", ".git/config"] {
            write_whole(&dir.path().join(path), b"").unwrap();
        }
        assert_eq!(
            walk(dir.path(), &|path| path != ".git").unwrap(),
            ["a", "b/x"]
        );
    }

    #[test]
    fn a_release_candidate_is_read() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["Kbuild", "Kconfig"] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        fs::write(
            dir.path().join("Makefile"),
            "# x\nVERSION = 7\nPATCHLEVEL = 4\nSUBLEVEL = 0\nEXTRAVERSION = -rc2\nNAME = x\n",
        )
        .unwrap();
        assert_eq!(kernel_version(dir.path()).unwrap().to_string(), "7.4.0-rc2");
    }
}
