// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Modules out of tree: the user's, in C or Rust, and the project's own.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cache::Cache;
use crate::digest::Digest;
use crate::kernel::Kernel;
use crate::process::Job;
use crate::world::{Make, World};
use crate::{assets, files, LabError, Progress};

/// What a module's build folder takes at most, in MiB.
const MODULE_MIB: u64 = 50;

/// The files of a module's source: path and contents.
type Sources = Vec<(String, Vec<u8>)>;

/// The project's own modules, which this library carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OwnModule {
    /// Drivers with known bugs, and their correct twins.
    Zoo,
    /// Measures what mappings and allocations cost.
    Bench,
    /// Uses page tables and pages at random, by the rules or against them.
    Stress,
    /// Drivers of the zoo on QEMU's device `edu`.
    Edu,
}

impl OwnModule {
    /// The name of its folder, and of its `.ko`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            OwnModule::Zoo => "zoo",
            OwnModule::Bench => "bench",
            OwnModule::Stress => "stress",
            OwnModule::Edu => "edu",
        }
    }

    pub(crate) fn sources(self) -> Sources {
        assets::folder(self.name())
            .map(|(name, bytes)| (name.to_owned(), bytes.to_vec()))
            .collect()
    }
}

/// What a path given as a module is.
pub(crate) enum Given {
    /// A finished module.
    Built(PathBuf),
    /// A folder to build.
    Folder(PathBuf, Sources),
}

/// Looks at a path given as a module.
pub(crate) fn look(path: &Path) -> Result<Given, LabError> {
    let not_a_module = |why: &str| LabError::NotAModule {
        path: path.to_owned(),
        why: why.to_owned(),
    };
    let path = path.canonicalize().map_err(LabError::io("find", path))?;
    if path.is_file() {
        return if path.extension().is_some_and(|extension| extension == "ko") {
            Ok(Given::Built(path))
        } else {
            Err(not_a_module("a file must be a .ko"))
        };
    }
    if !["Kbuild", "Makefile"]
        .iter()
        .any(|name| path.join(name).is_file())
    {
        return Err(not_a_module(
            "a folder must have a Kbuild or a Makefile with obj-m",
        ));
    }
    let sources = names(&path)?
        .into_iter()
        .map(|name| {
            let full = path.join(&name);
            let bytes = fs::read(&full).map_err(LabError::io("read", &full))?;
            Ok((name, bytes))
        })
        .collect::<Result<_, LabError>>()?;
    Ok(Given::Folder(path, sources))
}

/// The files of a module's folder, relative to it. Modules may share a folder by a link to it.
fn names(folder: &Path) -> Result<Vec<String>, LabError> {
    let list =
        |folder: &Path| files::walk(folder, &is_source).map_err(LabError::io("list", folder));
    let mut all = Vec::new();
    for name in list(folder)? {
        let path = folder.join(&name);
        if path.is_dir() {
            // A link: the walk itself goes into folders. Links in there are not followed.
            let linked = list(&path)?.into_iter();
            all.extend(linked.map(|file| format!("{name}/{file}")));
        } else {
            all.push(name);
        }
    }
    Ok(all)
}

/// Whether a path belongs to a module's source rather than to a build of it.
fn is_source(path: &str) -> bool {
    const PRODUCTS: &[&str] = &[
        ".o", ".ko", ".mod", ".mod.c", ".cmd", ".order", ".symvers", ".rmeta", ".a",
    ];
    let name = path.rsplit('/').next().unwrap_or(path);
    !(matches!(name, ".git" | "target" | ".tmp_versions")
        || PRODUCTS.iter().any(|end| name.ends_with(end)))
}

/// Builds a module against a kernel, in the cache; the finished modules, sorted.
///
/// `name` tells modules with equal folder names apart; `title` is for people.
pub(crate) fn build(
    cache: &Cache,
    world: &World,
    kernel: &Kernel,
    name: &Path,
    title: &str,
    sources: &[(String, Vec<u8>)],
    progress: &dyn Progress,
) -> Result<Vec<PathBuf>, LabError> {
    let mut place = Digest::new("module");
    place
        .field(name.as_os_str().as_encoded_bytes())
        .field(kernel.build_dir.as_os_str().as_encoded_bytes());
    let dir = cache.path("modules").join(place.short());
    let folder = dir.join("build");

    let mut stamp = Digest::new("module contents");
    stamp.field(&kernel.key);
    for (path, bytes) in sources {
        stamp.field(path).field(bytes);
    }
    let stamp = stamp.finish();
    let stamp_file = dir.join("stamp");
    if fs::read_to_string(&stamp_file).is_ok_and(|old| old == stamp) {
        let modules = finished(&folder)?;
        if !modules.is_empty() {
            return Ok(modules);
        }
    }

    let mut step = progress.begin(&format!("module {title}"));
    files::remove_with_empty_parents(&dir, &stamp_file)?;
    update(&folder, sources)?;
    // A module that is no longer made must not be taken for one that is.
    for module in finished(&folder)? {
        fs::remove_file(&module).map_err(LabError::io("remove", &module))?;
    }
    let make = Make {
        tree: &kernel.tree,
        out: &kernel.build_dir,
        module: Some(&folder),
        arch: kernel.machine.machine().arch(),
    };
    let mut arguments = vec!["modules"];
    arguments.extend(kernel.machine.machine().module_variables());
    let log = cache.new_log("module")?;
    let what = format!("building the module {title}");
    let job = Job {
        what: &what,
        command: world.make(make, &arguments),
        log: &log,
        needs_mib: MODULE_MIB,
    };
    job.run(&mut |line| {
        if let Some(made) = crate::kernel::made(line) {
            step.message(made);
        }
    })?;
    let modules = finished(&folder)?;
    if modules.is_empty() {
        return Err(LabError::NotAModule {
            path: name.to_owned(),
            why: "building it made no .ko".to_owned(),
        });
    }
    files::write_whole(&stamp_file, stamp.as_bytes())?;
    let names: Vec<_> = modules
        .iter()
        .filter_map(|path| path.file_name())
        .map(|name| name.to_string_lossy())
        .collect();
    step.finish(&names.join(", "));
    Ok(modules)
}

/// Makes the copy in the cache have the sources; what it has besides are products and removed files.
fn update(folder: &Path, sources: &[(String, Vec<u8>)]) -> Result<(), LabError> {
    for (path, bytes) in sources {
        files::write_if_changed(&folder.join(path), bytes)?;
    }
    for path in files::walk(folder, &is_source).map_err(LabError::io("list", folder))? {
        let hidden = path
            .rsplit('/')
            .next()
            .is_some_and(|name| name.starts_with('.'));
        if !hidden && !sources.iter().any(|(name, _)| *name == path) {
            files::remove_with_empty_parents(folder, &folder.join(&path))?;
        }
    }
    Ok(())
}

fn finished(folder: &Path) -> Result<Vec<PathBuf>, LabError> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let all = files::walk(folder, &|_| true).map_err(LabError::io("list", folder))?;
    Ok(all
        .iter()
        .filter(|path| path.ends_with(".ko"))
        .map(|path| folder.join(path))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_given_as_a_file_must_be_one() {
        let dir = tempfile::tempdir().unwrap();
        let (ko, c) = (dir.path().join("a.ko"), dir.path().join("a.c"));
        fs::write(&ko, "").unwrap();
        fs::write(&c, "").unwrap();
        assert!(matches!(look(&ko), Ok(Given::Built(_))));
        assert!(matches!(look(&c), Err(LabError::NotAModule { .. })));
        assert!(matches!(look(dir.path()), Err(LabError::NotAModule { .. })));
    }

    #[test]
    fn products_in_the_users_folder_are_not_taken() {
        let dir = tempfile::tempdir().unwrap();
        for name in [
            "Kbuild", "a.c", "a.o", "a.ko", "a.mod.c", ".a.o.cmd", "inc/a.h",
        ] {
            files::write_whole(&dir.path().join(name), b"").unwrap();
        }
        let Given::Folder(_, sources) = look(dir.path()).unwrap() else {
            panic!("not a folder")
        };
        let names: Vec<_> = sources.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["Kbuild", "a.c", "inc/a.h"]);
    }

    #[test]
    fn a_folder_that_a_module_links_to_is_part_of_it() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["module/Kbuild", "shared/b.c", "shared/sub/c.c"] {
            files::write_whole(&dir.path().join(name), b"").unwrap();
        }
        let module = dir.path().join("module");
        std::os::unix::fs::symlink("../shared", module.join("shared")).unwrap();
        let names = names(&module).unwrap();
        assert_eq!(names, ["Kbuild", "shared/b.c", "shared/sub/c.c"]);
    }

    #[test]
    fn a_removed_source_vanishes_from_the_copy_and_products_stay() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["gone.c", "a.o", ".a.o.cmd"] {
            files::write_whole(&dir.path().join(name), b"").unwrap();
        }
        update(dir.path(), &[("a.c".to_owned(), b"x".to_vec())]).unwrap();
        let left = files::walk(dir.path(), &|_| true).unwrap();
        assert_eq!(left, [".a.o.cmd", "a.c", "a.o"]);
    }
}
