// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Finds the files of modules below a folder.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A folder this deep is a loop of links or none of modules.
const DEEPEST: usize = 24;

/// The modules below a folder, which is read when the first one is looked for.
#[derive(Debug)]
pub(super) struct Modules {
    folder: PathBuf,
    files: Option<HashMap<String, Vec<PathBuf>>>,
}

impl Modules {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            files: None,
        }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The files that may be the module: `NAME.ko`, `NAME.ko.debug`, or either compressed.
    pub(super) fn find(&mut self, module: &str) -> Vec<PathBuf> {
        let files = self.files.get_or_insert_with(|| {
            let mut files = HashMap::new();
            walk(&self.folder, DEEPEST, &mut files);
            files
        });
        files.get(&unified(module)).cloned().unwrap_or_default()
    }
}

fn walk(folder: &Path, depth: usize, files: &mut HashMap<String, Vec<PathBuf>>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    let mut entries: Vec<_> = entries.filter_map(Result::ok).collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        let path = entry.path();
        if kind.is_dir() {
            if depth > 0 {
                walk(&path, depth - 1, files);
            }
        } else if let Some(name) = entry.file_name().to_str().and_then(module_name) {
            files.entry(name).or_default().push(path);
        }
    }
}

/// The module in a file of this name.
pub(super) fn module_name(file: &str) -> Option<String> {
    let (name, rest) = file.rsplit_once(".ko")?;
    let known = matches!(rest, "" | ".debug" | ".xz" | ".zst" | ".gz");
    known.then(|| unified(name))
}

/// A module's name in the kernel has `_` where that of its file may have `-`.
fn unified(name: &str) -> String {
    name.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_by_the_names_that_the_kernel_uses() {
        assert_eq!(
            module_name("snd-hda-intel.ko.xz").as_deref(),
            Some("snd_hda_intel")
        );
        assert_eq!(module_name("zoo.ko.debug").as_deref(), Some("zoo"));
        assert_eq!(module_name("zoo.ko.tmp"), None);
        assert_eq!(module_name("zoo.o"), None);

        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("kernel/sound");
        fs::create_dir_all(&deep).unwrap();
        fs::write(deep.join("snd-hda.ko"), "").unwrap();
        let mut modules = Modules::new(folder.path().to_owned());
        assert_eq!(modules.find("snd_hda"), [deep.join("snd-hda.ko")]);
        assert!(modules.find("snd").is_empty());
    }
}
