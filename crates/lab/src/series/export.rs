// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The series as patches that a maintainer could be sent.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::{manifest, Series};
use crate::{files, LabError};

/// The date that `git format-patch` puts into the first line of every patch.
const MAGIC_DATE: &str = "Mon Sep 17 00:00:00 2001";

pub(super) fn write(
    series: &Series,
    manifest: Option<&str>,
    out: &Path,
) -> Result<Vec<String>, LabError> {
    let manifest = manifest::read(manifest, series)?;
    let total = manifest.entries.len();
    let mut patches = Vec::new();
    for (index, entry) in manifest.entries.iter().enumerate() {
        let number = index + 1;
        let edits = entry.patch.as_ref().and_then(|name| {
            series
                .patches
                .iter()
                .find(|(patch, _)| patch == name)
                .map(|(_, text)| text.as_str())
        });
        let mut diff = edits.map(diff_part).unwrap_or_default().to_owned();
        for path in entry.overlay(series)? {
            let bytes = series
                .overlay
                .get(path)
                .map(Vec::as_slice)
                .unwrap_or_default();
            diff.push_str(&new_file(path, &String::from_utf8_lossy(bytes)));
        }
        let text = format!(
            "From {zeros} {MAGIC_DATE}\nFrom: {author}\nDate: Thu, 1 Jan 1970 00:00:00 +0000\nSubject: [PATCH {number}/{total}] {subject}\n\n{body}---\n{diff}-- \ndmasan\n",
            zeros = "0".repeat(40),
            author = manifest.author,
            subject = entry.subject,
            body = paragraph(&entry.message()?),
        );
        patches.push((format!("{number:04}-{}.patch", slug(&entry.subject)), text));
    }
    // Created last: a broken manifest leaves nothing behind.
    fs::create_dir_all(out).map_err(LabError::io("create", out))?;
    for (name, text) in &patches {
        files::write_if_changed(&out.join(name), text.as_bytes())?;
    }
    remove_stale(
        out,
        &patches.iter().map(|(name, _)| name.as_str()).collect(),
    )?;
    Ok(patches.into_iter().map(|(name, _)| name).collect())
}

/// Patches of an earlier, longer series would be taken for part of this one.
fn remove_stale(out: &Path, current: &BTreeSet<&str>) -> Result<(), LabError> {
    for entry in fs::read_dir(out).map_err(LabError::io("list", out))? {
        let entry = entry.map_err(LabError::io("list", out))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let numbered = name.len() > 5 && name.as_bytes()[..4].iter().all(u8::is_ascii_digit);
        if numbered && name.ends_with(".patch") && !current.contains(name.as_str()) {
            fs::remove_file(entry.path()).map_err(LabError::io("remove", &entry.path()))?;
        }
    }
    Ok(())
}

/// The diffs of a patch file, without its message and its signature.
fn diff_part(text: &str) -> &str {
    let start = ["diff --git ", "--- a/"]
        .iter()
        .filter_map(|mark| {
            if text.starts_with(mark) {
                Some(0)
            } else {
                text.find(&format!("\n{mark}")).map(|at| at + 1)
            }
        })
        .min()
        .unwrap_or(0);
    let end = text.rfind("\n-- \n").map_or(text.len(), |at| at + 1);
    &text[start..end.max(start)]
}

fn new_file(path: &str, content: &str) -> String {
    let count = content.lines().count();
    // What names its interpreter is meant to be run.
    let mode = if content.starts_with("#!") {
        "100755"
    } else {
        "100644"
    };
    let mut diff = format!(
        "diff --git a/{path} b/{path}\nnew file mode {mode}\nindex {zeros}..{zeros}\n",
        zeros = "0".repeat(12)
    );
    if count > 0 {
        let _ = write!(diff, "--- /dev/null\n+++ b/{path}\n@@ -0,0 +1,{count} @@\n");
        for line in content.lines() {
            let _ = writeln!(diff, "+{line}");
        }
        if !content.ends_with('\n') {
            diff.push_str("\\ No newline at end of file\n");
        }
    }
    diff
}

fn paragraph(body: &str) -> String {
    let body = body.trim();
    if body.is_empty() {
        String::new()
    } else {
        format!("{body}\n")
    }
}

/// As `git format-patch` makes file names of subjects.
fn slug(subject: &str) -> String {
    let mut slug = String::new();
    for c in subject.chars() {
        if c.is_ascii_alphanumeric() || c == '.' || c == '_' {
            slug.push(c);
        } else if !slug.ends_with('-') && !slug.is_empty() {
            slug.push('-');
        }
    }
    slug.truncate(52);
    slug.trim_end_matches(['-', '.']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::plan;

    fn series() -> Series {
        let edit = "From: A <a@b>\nSubject: [PATCH] mm: call it\n\nWhy.\n---\n a.c | 1 +\n\ndiff --git a/a.c b/a.c\n--- a/a.c\n+++ b/a.c\n@@ -1,1 +1,2 @@\n one\n+two\n-- \n2.39\n";
        Series {
            overlay: [
                ("d/new.rs".to_owned(), b"x\ny\n".to_vec()),
                ("d/e/other.rs".to_owned(), b"z".to_vec()),
            ]
            .into(),
            patches: vec![("0001-mm.patch".to_owned(), edit.to_owned())],
        }
    }

    #[test]
    fn what_is_written_does_the_same_as_the_series() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        let names = write(&series(), None, &out).unwrap();
        assert_eq!(
            names,
            [
                "0001-iommu-dmasan-add-the-mapping-sanitizer-in-Rust.patch",
                "0002-mm-call-it.patch"
            ]
        );
        let read = |path: &str| Ok((path == "a.c").then(|| b"one\n".to_vec()));
        let written = Series {
            patches: names
                .iter()
                .map(|n| (n.clone(), fs::read_to_string(out.join(n)).unwrap()))
                .collect(),
            ..Series::default()
        };
        let (from_series, _) = plan(&series(), "7.3.4", &read).unwrap();
        let (from_patches, fit) = plan(&written, "7.3.4", &read).unwrap();
        assert!(fit.fits(), "{fit:?}");
        assert_eq!(from_series, from_patches);
    }

    #[test]
    fn the_manifest_groups_new_files_with_edits() {
        let dir = tempfile::tempdir().unwrap();
        let manifest = "[[patch]]\nsubject = \"all: of it\"\nbody = \"Since.\"\nfiles = [\"d/\"]\npatch = \"0001-mm.patch\"\n";
        let names = write(&series(), Some(manifest), dir.path()).unwrap();
        assert_eq!(names, ["0001-all-of-it.patch"]);
        let text = fs::read_to_string(dir.path().join(&names[0])).unwrap();
        assert!(
            text.contains("Subject: [PATCH 1/1] all: of it\n\nSince.\n---\n"),
            "{text}"
        );
        assert!(
            text.contains("+++ b/d/e/other.rs") && text.contains("+two"),
            "{text}"
        );
    }

    #[test]
    fn a_manifest_that_forgets_a_file_is_refused_and_nothing_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        let manifest =
            "[[patch]]\nsubject = \"x\"\nfiles = [\"d/new.rs\"]\npatch = \"0001-mm.patch\"\n";
        let error = write(&series(), Some(manifest), &out).unwrap_err();
        assert!(
            error.to_string().contains("d/e/other.rs is in no patch"),
            "{error}"
        );
        assert!(!out.exists());
    }
}
