// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Lines of the source.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// No file of a kernel that people write is larger.
const LARGEST: u64 = 8 << 20;
/// Longer lines are not for reading.
const LONGEST: usize = 160;

/// Source files, as far as they are here.
#[derive(Debug, Default)]
pub(super) struct Sources {
    folders: Vec<PathBuf>,
    files: HashMap<PathBuf, Option<Vec<String>>>,
}

impl Sources {
    /// Files are looked for in `folders`, then where they were when the kernel was built.
    pub(super) fn new(folders: Vec<PathBuf>) -> Self {
        Self {
            folders,
            files: HashMap::new(),
        }
    }

    /// A line, from 1, without its indentation.
    pub(super) fn line(&mut self, file: &Path, number: u32) -> Option<String> {
        let found = self.find(file).map(|(folder, rest)| folder.join(rest));
        let path = found.or_else(|| {
            // A relative one would be found by chance only.
            file.is_absolute().then(|| file.to_owned())
        })?;
        let lines = self.files.entry(path).or_insert_with_key(|path| read(path));
        let at = usize::try_from(number).ok()?.checked_sub(1)?;
        let line = lines.as_ref()?.get(at)?.trim();
        let text: String = line.chars().take(LONGEST).collect();
        (!text.is_empty()).then_some(text)
    }

    /// The file's name for people: within the folder, within the tree, or in full.
    pub(super) fn shown(&self, file: &Path, root: Option<&Path>) -> String {
        let inside = self.find(file).map(|(_, rest)| rest);
        let in_tree = || root.and_then(|root| file.strip_prefix(root).ok());
        let shown = match inside {
            Some(inside) => inside,
            None => in_tree().unwrap_or(file),
        };
        shown.display().to_string()
    }

    /// The file in one of the folders: the one whose path has the most in common with the wanted
    /// one; the folder, and where it is in there.
    fn find<'a>(&'a self, file: &'a Path) -> Option<(&'a Path, &'a Path)> {
        let mut rest = file.components();
        while !rest.as_path().as_os_str().is_empty() {
            let relative = rest.as_path();
            let has = |folder: &&PathBuf| folder.join(relative).is_file();
            // Joined to a folder, an absolute path would be itself.
            if relative.is_relative() {
                if let Some(folder) = self.folders.iter().find(has) {
                    return Some((folder, relative));
                }
            }
            rest.next();
        }
        None
    }
}

fn read(path: &Path) -> Option<Vec<String>> {
    let about = fs::metadata(path).ok()?;
    if !about.is_file() || about.len() > LARGEST {
        return None;
    }
    let text = fs::read(path).ok()?;
    let text = String::from_utf8_lossy(&text);
    Some(text.lines().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_wherever_the_kernel_was_built() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("drivers/net")).unwrap();
        fs::write(folder.path().join("drivers/net/a.c"), "one\n  two;\n").unwrap();
        let mut sources = Sources::new(vec![folder.path().to_owned()]);
        let file = Path::new("/build/linux-7.3/drivers/net/a.c");
        assert_eq!(sources.line(file, 2).as_deref(), Some("two;"));
        assert_eq!(sources.line(file, 3), None);
        assert_eq!(sources.line(file, 0), None);
        assert_eq!(sources.shown(file, None), "drivers/net/a.c");
        assert_eq!(sources.line(Path::new("/build/drivers/net/b.c"), 1), None);
    }

    #[test]
    fn of_several_files_the_one_with_the_longest_path_in_common_is_taken() {
        let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let [module, tree] = folders.each_ref().map(|folder| folder.path().to_owned());
        fs::create_dir(tree.join("init")).unwrap();
        fs::write(tree.join("init/main.c"), "kernel").unwrap();
        fs::write(module.join("main.c"), "module").unwrap();
        let mut sources = Sources::new(vec![module, tree]);
        let kernel = Path::new("/build/linux/init/main.c");
        assert_eq!(sources.line(kernel, 1).as_deref(), Some("kernel"));
        assert_eq!(sources.shown(kernel, None), "init/main.c");
        let module = Path::new("/module/main.c");
        assert_eq!(sources.line(module, 1).as_deref(), Some("module"));
        assert_eq!(sources.shown(module, None), "main.c");
    }

    #[test]
    fn a_path_is_shown_within_its_tree() {
        let sources = Sources::default();
        let (file, root) = (Path::new("/build/linux/mm/a.c"), Path::new("/build/linux/"));
        assert_eq!(sources.shown(file, Some(root)), "mm/a.c");
        assert_eq!(sources.shown(file, None), "/build/linux/mm/a.c");
    }
}
