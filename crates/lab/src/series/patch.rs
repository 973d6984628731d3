// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Applying one patch file to files in memory.
//!
//! `diffy` reads the patch; the placing of hunks is ours, since it has to tell which hunk does not
//! fit, which one fits elsewhere, and which one the file has already.

use std::io;

use diffy::patch_set::{FileOperation, FilePatch, ParseOptions, PatchKind, PatchSet};
use diffy::{Hunk, Line};

use super::{Changes, Fit, Misfit, Why};
use crate::LabError;

/// Applies the patch file `name` on top of `changes`, on top of what `read` returns. What does not
/// fit is entered in `fit`, and the rest is applied nevertheless so that all misfits are found.
pub(super) fn apply(
    name: &str,
    text: &str,
    read: &dyn Fn(&str) -> io::Result<Option<Vec<u8>>>,
    changes: &mut Changes,
    fit: &mut Fit,
) -> Result<(), LabError> {
    let broken = |why: String| LabError::BrokenPatch {
        patch: name.to_owned(),
        why,
    };
    for file_patch in PatchSet::parse(text, ParseOptions::gitdiff()) {
        let file_patch = file_patch.map_err(|error| broken(error.to_string()))?;
        let (path, creates) = target(&file_patch).map_err(broken)?;
        let old = match changes.get(&path) {
            Some(content) => content.clone(),
            None => read(&path).map_err(LabError::io("read", path.as_ref()))?,
        };
        let PatchKind::Text(patch) = file_patch.patch() else {
            return Err(broken(format!("{path}: binary patches are not supported")));
        };
        let mut misfit = |hunk, why| {
            fit.misfits.push(Misfit {
                patch: name.to_owned(),
                file: path.clone(),
                hunk,
                why,
            });
        };
        let old = match (old, creates) {
            (None, false) => {
                misfit(None, Why::FileMissing);
                continue;
            }
            (None, true) => String::new(),
            (Some(bytes), _) => match String::from_utf8(bytes) {
                Ok(text) => text,
                Err(_) => {
                    misfit(None, Why::NotText);
                    continue;
                }
            },
        };
        if creates && !old.is_empty() && place(&lines(&old), &after(&patch.hunks()[0]), 0).is_none()
        {
            misfit(None, Why::FileExists);
            continue;
        }
        let mut image: Vec<String> = lines(&old).into_iter().map(str::to_owned).collect();
        let mut drift = 0_isize;
        for (index, hunk) in patch.hunks().iter().enumerate() {
            match apply_hunk(&mut image, hunk, &mut drift) {
                Some(Placed::Exact) => fit.exact += 1,
                Some(Placed::Moved) => fit.moved += 1,
                Some(Placed::Already) => fit.already += 1,
                None => fit.misfits.push(Misfit {
                    patch: name.to_owned(),
                    file: path.clone(),
                    hunk: Some((index + 1, header(hunk))),
                    why: Why::ContextNotFound,
                }),
            }
        }
        changes.insert(path, Some(image.concat().into_bytes()));
    }
    Ok(())
}

/// The file in the tree that a patch is about, and whether it creates it.
fn target(patch: &FilePatch<'_, str>) -> Result<(String, bool), String> {
    match patch.operation().strip_prefix(1) {
        FileOperation::Create(path) => Ok((path.into_owned(), true)),
        FileOperation::Modify { original, modified } if original == modified => {
            Ok((modified.into_owned(), false))
        }
        FileOperation::Modify { modified: path, .. }
        | FileOperation::Delete(path)
        | FileOperation::Rename { to: path, .. }
        | FileOperation::Copy { to: path, .. } => {
            Err(format!("{path}: only edits and new files are supported"))
        }
    }
}

enum Placed {
    Exact,
    Moved,
    Already,
}

/// Applies one hunk where its lines are found, nearest to where it says. `drift` is how far the
/// hunks before it were from where they said.
fn apply_hunk(image: &mut Vec<String>, hunk: &Hunk<'_, str>, drift: &mut isize) -> Option<Placed> {
    let (before, after) = (before(hunk), after(hunk));
    // A hunk without old lines says the line after which it goes.
    let said = hunk.new_range().start().saturating_sub(1);
    let wanted = said.saturating_add_signed(*drift).min(image.len());
    if let Some(found) = place(image, &before, wanted) {
        image.splice(
            found..found + before.len(),
            after.iter().map(|line| (*line).to_owned()),
        );
        *drift = found.cast_signed() - said.cast_signed();
        return Some(if found == said {
            Placed::Exact
        } else {
            Placed::Moved
        });
    }
    let found = place(image, &after, wanted)?;
    *drift = found.cast_signed() - said.cast_signed();
    Some(Placed::Already)
}

/// The index nearest to `wanted` where `image` has the lines `wanted_lines`.
fn place<S: AsRef<str>>(image: &[S], wanted_lines: &[&str], wanted: usize) -> Option<usize> {
    let last = image.len().checked_sub(wanted_lines.len())?;
    let fits = |at: &usize| {
        image[*at..*at + wanted_lines.len()]
            .iter()
            .map(AsRef::as_ref)
            .eq(wanted_lines.iter().copied())
    };
    let wanted = wanted.min(last);
    (0..=last.max(wanted))
        .flat_map(|distance| [wanted.checked_sub(distance), Some(wanted + distance)])
        .flatten()
        .filter(|at| *at <= last)
        .find(fits)
}

fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

fn before<'a>(hunk: &Hunk<'a, str>) -> Vec<&'a str> {
    hunk.lines()
        .iter()
        .filter_map(|line| match line {
            Line::Context(text) | Line::Delete(text) => Some(*text),
            Line::Insert(_) => None,
        })
        .collect()
}

fn after<'a>(hunk: &Hunk<'a, str>) -> Vec<&'a str> {
    hunk.lines()
        .iter()
        .filter_map(|line| match line {
            Line::Context(text) | Line::Insert(text) => Some(*text),
            Line::Delete(_) => None,
        })
        .collect()
}

fn header(hunk: &Hunk<'_, str>) -> String {
    let (old, new) = (hunk.old_range(), hunk.new_range());
    format!(
        "@@ -{},{} +{},{} @@",
        old.start(),
        old.len(),
        new.start(),
        new.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATCH: &str = "\
From 0123 Mon Sep 17 00:00:00 2001
From: A <a@example.org>
Subject: [PATCH] x: y

Body.
---
 a/b.c | 2 +-
 1 file changed, 1 insertion(+), 1 deletion(-)

diff --git a/a/b.c b/a/b.c
index 111..222 100644
--- a/a/b.c
+++ b/a/b.c
@@ -2,3 +2,3 @@ context
 two
-three
+THREE
 four
@@ -6,2 +6,3 @@
 six
+six and a half
 seven
-- 
2.39.5
";

    fn run(file: Option<&str>) -> (Changes, Fit) {
        let mut changes = Changes::new();
        let mut fit = Fit::new("7.3.4", (7, 3));
        let content = file.map(|text| text.as_bytes().to_vec());
        apply(
            "0001-x.patch",
            PATCH,
            &|_| Ok(content.clone()),
            &mut changes,
            &mut fit,
        )
        .unwrap();
        (changes, fit)
    }

    fn content(changes: &Changes) -> &str {
        std::str::from_utf8(changes["a/b.c"].as_deref().unwrap()).unwrap()
    }

    #[test]
    fn a_patch_that_fits_exactly_is_applied() {
        let (changes, fit) = run(Some("one\ntwo\nthree\nfour\nfive\nsix\nseven\n"));
        assert_eq!(
            content(&changes),
            "one\ntwo\nTHREE\nfour\nfive\nsix\nsix and a half\nseven\n"
        );
        assert_eq!(
            (fit.exact, fit.moved, fit.already, fit.misfits.len()),
            (2, 0, 0, 0)
        );
    }

    #[test]
    fn hunks_are_found_where_lines_have_moved() {
        let (changes, fit) = run(Some(
            "new\nnew\none\ntwo\nthree\nfour\nfive\nmore\nsix\nseven\n",
        ));
        assert!(content(&changes).contains("five\nmore\nsix\nsix and a half\n"));
        assert_eq!((fit.exact, fit.moved), (0, 2));
    }

    #[test]
    fn a_patched_file_is_left_as_it_is() {
        let (first, _) = run(Some("one\ntwo\nthree\nfour\nfive\nsix\nseven\n"));
        let (second, fit) = run(Some(content(&first)));
        assert_eq!(first, second);
        assert_eq!(fit.already, 2);
    }

    #[test]
    fn a_misfit_names_patch_file_and_hunk_and_the_others_are_still_tried() {
        let (_, fit) = run(Some("one\ntwo\n3\nfour\nfive\nsix\nseven\n"));
        let [misfit] = &fit.misfits[..] else {
            panic!("{fit:?}")
        };
        assert_eq!(
            misfit.to_string(),
            "0001-x.patch: a/b.c: hunk 1 (@@ -2,3 +2,3 @@): the lines that it changes are not there"
        );
        assert_eq!(fit.exact, 1);
    }

    #[test]
    fn a_missing_file_is_a_misfit() {
        let (_, fit) = run(None);
        assert_eq!(fit.misfits[0].why, Why::FileMissing);
    }

    #[test]
    fn the_nearest_of_two_places_is_taken() {
        let image = ["x\n", "a\n", "y\n", "y\n", "a\n"];
        assert_eq!(place(&image, &["a\n"], 3), Some(4));
        assert_eq!(place(&image, &["a\n"], 2), Some(1));
        assert_eq!(place(&image, &["b\n"], 2), None);
        assert_eq!(place(&image, &["a\n"], 99), Some(4));
    }
}
