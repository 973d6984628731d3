// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The sanitizer as a change to a kernel tree: new files (the overlay and the engine) and
//! numbered patches to existing files.
//!
//! Everything is computed in memory first ([`plan`]), so that a tree is either changed as a whole
//! or not at all, and says exactly what does not fit.

mod apply;
mod export;
mod fit;
mod manifest;
mod patch;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use crate::{assets, LabError};

pub(crate) use apply::supported_version;
pub use fit::{Fit, Misfit, Why};

/// Where the engine lies in the kernel tree.
const ENGINE_FOLDER: &str = "drivers/iommu/dmasan/engine";

/// The Linux release that the series is written for.
const WRITTEN_FOR: (u32, u32) = (7, 3);

/// The series: what it adds and what it changes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Series {
    /// New files, by their path in the kernel tree.
    pub(crate) overlay: BTreeMap<String, Vec<u8>>,
    /// Patches in order: file name and text.
    pub(crate) patches: Vec<(String, String)>,
}

impl Series {
    /// The series that this binary carries.
    pub(crate) fn embedded() -> Result<Series, LabError> {
        let mut overlay: BTreeMap<String, Vec<u8>> = assets::folder("linux/overlay")
            .map(|(name, bytes)| (name.to_owned(), bytes.to_vec()))
            .collect();
        for (name, bytes) in assets::folder("engine") {
            overlay.insert(format!("{ENGINE_FOLDER}/{name}"), bytes.to_vec());
        }
        let mut patches = Vec::new();
        for (name, bytes) in assets::folder("linux/patches") {
            if name.ends_with(".patch") {
                let text =
                    String::from_utf8(bytes.to_vec()).map_err(|error| LabError::BrokenPatch {
                        patch: name.to_owned(),
                        why: error.to_string(),
                    })?;
                patches.push((name.to_owned(), text));
            }
        }
        Ok(Series { overlay, patches })
    }

    /// Whether there is a Rust implementation to build: without patches there is only the stock kernel.
    pub(crate) fn is_empty(&self) -> bool {
        self.patches.is_empty()
    }

    /// A hash of all that the series consists of.
    pub(crate) fn digest(&self) -> String {
        let mut digest = crate::digest::Digest::new("series");
        for (name, bytes) in &self.overlay {
            digest.field(name.as_bytes()).field(bytes);
        }
        for (name, text) in &self.patches {
            digest.field(name.as_bytes()).field(text.as_bytes());
        }
        digest.finish()
    }
}

/// The contents that a tree's files should have; `None`: no such file.
pub(crate) type Changes = BTreeMap<String, Option<Vec<u8>>>;

/// Computes what the series makes of a tree whose files `read` returns (`None`: no such file).
pub(crate) fn plan(
    series: &Series,
    version: &str,
    read: &dyn Fn(&str) -> io::Result<Option<Vec<u8>>>,
) -> Result<(Changes, Fit), LabError> {
    let mut changes = Changes::new();
    let mut fit = Fit::new(version, WRITTEN_FOR);
    for (name, text) in &series.patches {
        patch::apply(name, text, read, &mut changes, &mut fit)?;
    }
    for (path, bytes) in &series.overlay {
        changes.insert(path.clone(), Some(bytes.clone()));
    }
    Ok((changes, fit))
}

/// Whether the series fits the tree, and if not, which hunks of which patches do not.
///
/// # Errors
///
/// The folder is not a kernel tree, is older than the sanitizer, or cannot be read.
pub fn check(tree: &Path) -> Result<Fit, LabError> {
    apply::check(&Series::embedded()?, tree)
}

/// Puts the sanitizer into a kernel tree: all of it, or, on an error, nothing.
/// A tree that has it already is brought up to date.
///
/// # Errors
///
/// As [`check`]; also [`LabError::DoesNotFit`], and whatever goes wrong while writing.
pub fn apply(tree: &Path) -> Result<Fit, LabError> {
    apply::apply(&Series::embedded()?, tree)
}

/// Writes the sanitizer as a series of patches in the form of `git format-patch` into the folder
/// `out`, which is created. Returns the file names in order.
///
/// # Errors
///
/// The folder cannot be written, or the embedded manifest is broken.
pub fn write(out: &Path) -> Result<Vec<String>, LabError> {
    export::write(&Series::embedded()?, assets::text("linux/series.toml"), out)
}
