// SPDX-License-Identifier: Apache-2.0 OR MIT

//! A user's own tree: never written to; a copy of it is kept up to date in the cache.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::{symlink, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Source, SourceInfo};
use crate::cache::Cache;
use crate::digest::Digest;
use crate::tree::Managed;
use crate::{files, LabError, Progress, Step};

/// What a copy takes at most, in MiB.
const COPY_MIB: u64 = 2000;

/// A listed file: its path and what changes when it does.
struct Listed {
    path: String,
    stamp: String,
}

/// Looks at the tree and copies what has changed since the last time.
pub(crate) fn obtain(
    cache: &Cache,
    tree: &Path,
    progress: &dyn Progress,
) -> Result<Source, LabError> {
    let tree = tree.canonicalize().map_err(LabError::io("find", tree))?;
    let version = crate::series::supported_version(&tree)?.to_string();
    let listed = list(&tree)?;
    let fingerprint = fingerprint(&listed);

    let dir = cache.path("trees").join(format!("user-{}", name_of(&tree)));
    let source = Source {
        info: SourceInfo::Tree { path: tree.clone() },
        dir: dir.clone(),
        fingerprint,
        version,
    };
    let mark = dir.join("fingerprint");
    if fs::read_to_string(&mark).is_ok_and(|old| old == source.fingerprint) {
        return Ok(source);
    }
    if !dir.exists() {
        cache.require_space("a copy of the kernel tree", COPY_MIB)?;
    }
    let mut step = progress.begin("copy of the kernel tree");
    // Without its mark, a copy that is broken off is taken up by the next run.
    files::remove_with_empty_parents(&dir, &mark)?;
    let copied = copy(&tree, &dir, &listed, &mut *step)?;
    files::write_whole(&mark, source.fingerprint.as_bytes())?;
    step.finish(&format!("Linux {}, {copied} files copied", source.version));
    Ok(source)
}

fn name_of(tree: &Path) -> String {
    let mut digest = Digest::new("tree");
    digest.field(tree.as_os_str().as_encoded_bytes());
    digest.short()
}

fn fingerprint(listed: &[Listed]) -> String {
    let mut digest = Digest::new("user tree");
    for file in listed {
        digest.field(&file.path).field(&file.stamp);
    }
    digest.finish()
}

/// The files of a tree: what git tracks, or else all that is not the product of a build.
fn list(tree: &Path) -> Result<Vec<Listed>, LabError> {
    let paths = match tracked(tree) {
        Some(paths) => paths,
        None => files::walk(tree, &is_source).map_err(LabError::io("list", tree))?,
    };
    let mut listed = Vec::with_capacity(paths.len());
    for path in paths {
        // Tracked, but removed from the folder: as the user wants it.
        if let Ok(meta) = tree.join(&path).symlink_metadata() {
            if !meta.is_dir() {
                let stamp = format!(
                    "{}-{}.{}-{:o}",
                    meta.size(),
                    meta.mtime(),
                    meta.mtime_nsec(),
                    meta.mode()
                );
                listed.push(Listed { path, stamp });
            }
        }
    }
    Ok(listed)
}

/// What git tracks, and what it would offer to track; `None` if this is no git tree of its own.
fn tracked(tree: &Path) -> Option<Vec<String>> {
    if !tree.join(".git").exists() {
        return None;
    }
    let output = Command::new("git")
        // The tree may belong to another user.
        .args(["-c", "safe.directory=*", "-C"])
        .arg(tree)
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let mut paths: Vec<String> = String::from_utf8(output.stdout)
        .ok()?
        .split('\0')
        .filter(|path| !path.is_empty())
        .map(str::to_owned)
        .collect();
    paths.sort();
    paths.dedup();
    Some(paths)
}

/// Whether a path belongs to a source rather than to a build of it.
fn is_source(path: &str) -> bool {
    const PRODUCTS: &[&str] = &[
        ".o", ".a", ".ko", ".mod", ".mod.c", ".cmd", ".order", ".symvers", ".rmeta",
    ];
    let name = path.rsplit('/').next().unwrap_or(path);
    !(matches!(
        path,
        ".git" | ".config" | "include/config" | "include/generated" | "vmlinux" | "linux"
    ) || path.starts_with("arch/") && path.ends_with("/include/generated")
        || PRODUCTS.iter().any(|end| name.ends_with(end)))
}

/// Brings the copy in `dir/linux` up to date; the number of files copied.
fn copy(
    tree: &Path,
    dir: &Path,
    listed: &[Listed],
    step: &mut dyn Step,
) -> Result<usize, LabError> {
    let linux = dir.join("linux");
    files::create_dir(&linux)?;
    let managed = Managed::open(dir)?;
    step.set_total(listed.len() as u64);
    let mut copied = 0;
    for (index, file) in listed.iter().enumerate() {
        let to = managed.base_path(&file.path);
        if copy_if_changed(&tree.join(&file.path), &to).map_err(LabError::io("copy to", &to))? {
            copied += 1;
        }
        if index % 512 == 0 {
            crate::interrupt::check()?;
            step.advance_to(index as u64);
            step.message(&file.path);
        }
    }
    let current: BTreeSet<&str> = listed.iter().map(|file| file.path.as_str()).collect();
    for path in files::walk(&linux, &|_| true).map_err(LabError::io("list", &linux))? {
        if !current.contains(path.as_str()) && !managed.contains(&path) {
            files::remove_with_empty_parents(&linux, &linux.join(&path))?;
        }
    }
    managed.forget_base_except(&|path| current.contains(path))?;
    Ok(copied)
}

/// Copies a file or link whose size or time of change differs. The time is copied too.
fn copy_if_changed(from: &Path, to: &PathBuf) -> io::Result<bool> {
    let meta = from.symlink_metadata()?;
    let old = to.symlink_metadata().ok();
    let same = old.as_ref().is_some_and(|old| {
        (old.size(), old.mtime(), old.mtime_nsec(), old.mode())
            == (meta.size(), meta.mtime(), meta.mtime_nsec(), meta.mode())
    });
    if meta.is_symlink() {
        let target = fs::read_link(from)?;
        if fs::read_link(to).is_ok_and(|old| old == target) {
            return Ok(false);
        }
        remove_whatever(to, old.as_ref())?;
        parent(to)?;
        symlink(target, to)?;
        return Ok(true);
    }
    if same {
        return Ok(false);
    }
    // A copy opened for writing would follow a link that lies there.
    remove_whatever(to, old.as_ref())?;
    parent(to)?;
    fs::copy(from, to)?;
    let file = fs::File::open(to)?;
    file.set_modified(meta.modified()?)?;
    Ok(true)
}

fn remove_whatever(path: &Path, meta: Option<&fs::Metadata>) -> io::Result<()> {
    match meta {
        Some(meta) if meta.is_dir() => fs::remove_dir_all(path),
        Some(_) => fs::remove_file(path),
        None => Ok(()),
    }
}

fn parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::Series;
    use crate::tree;
    use crate::Quiet;

    struct World {
        _dir: tempfile::TempDir,
        cache: Cache,
        tree: PathBuf,
    }

    fn world() -> World {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(Some(dir.path().join("cache"))).unwrap();
        let tree = dir.path().join("tree");
        let makefile = "VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 9\nEXTRAVERSION =\n";
        for (path, text) in [
            ("Makefile", makefile),
            ("Kbuild", ""),
            ("Kconfig", ""),
            ("mm/a.c", "a\n"),
            ("mm/b.c", "b\n"),
            ("mm/a.o", ""),
        ] {
            files::write_whole(&tree.join(path), text.as_bytes()).unwrap();
        }
        World {
            _dir: dir,
            cache,
            tree,
        }
    }

    fn copied(source: &Source, path: &str) -> Option<String> {
        fs::read_to_string(source.dir.join("linux").join(path)).ok()
    }

    #[test]
    fn a_copy_follows_the_tree() {
        let World { cache, tree, .. } = &world();
        let first = obtain(cache, tree, &Quiet).unwrap();
        assert_eq!(first.version, "7.3.9");
        assert_eq!(copied(&first, "mm/a.c").as_deref(), Some("a\n"));
        assert_eq!(copied(&first, "mm/a.o"), None);

        files::write_whole(&tree.join("mm/a.c"), b"changed\n").unwrap();
        fs::remove_file(tree.join("mm/b.c")).unwrap();
        symlink("a.c", tree.join("mm/link.c")).unwrap();
        let second = obtain(cache, tree, &Quiet).unwrap();
        assert_ne!(first.fingerprint, second.fingerprint);
        assert_eq!(copied(&second, "mm/a.c").as_deref(), Some("changed\n"));
        assert_eq!(copied(&second, "mm/link.c").as_deref(), Some("changed\n"));
        assert_eq!(copied(&second, "mm/b.c"), None);
        assert_eq!(
            second.fingerprint,
            obtain(cache, tree, &Quiet).unwrap().fingerprint
        );
    }

    #[test]
    fn the_series_in_the_copy_survives_a_change_of_the_tree() {
        let World { cache, tree, .. } = &world();
        let patch = "diff --git a/mm/a.c b/mm/a.c\n--- a/mm/a.c\n+++ b/mm/a.c\n@@ -1,1 +1,2 @@\n a\n+ours\n";
        let series = Series {
            overlay: [("new/x.rs".to_owned(), b"x".to_vec())].into(),
            patches: vec![("0001.patch".into(), patch.into())],
        };
        let source = obtain(cache, tree, &Quiet).unwrap();
        tree::sync(&source, &series).unwrap();

        files::write_whole(&tree.join("mm/a.c"), b"new\na\n").unwrap();
        let source = obtain(cache, tree, &Quiet).unwrap();
        assert!(!tree::is_current(&source, &tree::state(&source, &series)));
        tree::sync(&source, &series).unwrap();
        assert_eq!(copied(&source, "mm/a.c").as_deref(), Some("new\na\nours\n"));
        assert_eq!(copied(&source, "new/x.rs").as_deref(), Some("x"));
        assert_eq!(fs::read_to_string(tree.join("mm/a.c")).unwrap(), "new\na\n");
    }

    #[test]
    fn what_git_ignores_is_not_copied() {
        let World { cache, tree, .. } = &world();
        files::write_whole(&tree.join(".gitignore"), b"*.o\n/ignored/\n").unwrap();
        files::write_whole(&tree.join("ignored/x.c"), b"").unwrap();
        let status = Command::new("git")
            .args(["init", "-q"])
            .arg(tree)
            .status()
            .unwrap();
        assert!(status.success());
        // Not yet added, as a file of a change under way is.
        let source = obtain(cache, tree, &Quiet).unwrap();
        assert_eq!(copied(&source, "mm/a.c").as_deref(), Some("a\n"));
        assert_eq!(copied(&source, "ignored/x.c"), None);
        assert_eq!(copied(&source, "mm/a.o"), None);
        assert!(!source.dir.join("linux/.git").exists());
    }

    #[test]
    fn products_of_a_build_in_the_tree_are_not_source() {
        for path in [
            ".config",
            "include/generated",
            "arch/um/include/generated",
            "mm/x.o",
            ".git",
        ] {
            assert!(!is_source(path), "{path}");
        }
        for path in ["include/linux", "scripts/kconfig", "mm/x.c", ".gitignore"] {
            assert!(is_source(path), "{path}");
        }
    }
}
