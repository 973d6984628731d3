// SPDX-License-Identifier: Apache-2.0 OR MIT

//! How the overlay is cut into patches for maintainers: `linux/series.toml`.
//!
//! ```toml
//! author = "A Name <a@example.org>"     # default: the project
//!
//! [[patch]]
//! subject = "rust: page_ext: add abstraction"
//! body_file = "messages/0001.txt"        # in linux/; or: body = "..."
//! files = ["rust/kernel/page_ext.rs"]    # new files; a name ending in "/" takes a folder
//! patch = "0001-rust-page-ext.patch"     # edits; its own message is not used
//! ```

use serde::Deserialize;

use super::Series;
use crate::{assets, LabError};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    #[serde(default = "project")]
    pub(super) author: String,
    #[serde(rename = "patch")]
    pub(super) entries: Vec<Entry>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    pub(super) subject: String,
    pub(super) body: Option<String>,
    pub(super) body_file: Option<String>,
    #[serde(default)]
    pub(super) files: Vec<String>,
    pub(super) patch: Option<String>,
}

impl Entry {
    /// The message below the subject.
    pub(super) fn message(&self) -> Result<String, LabError> {
        match (&self.body, &self.body_file) {
            (Some(body), _) => Ok(body.clone()),
            (None, Some(name)) => assets::text(&format!("linux/{name}"))
                .map(str::to_owned)
                .ok_or_else(|| broken(format!("body_file {name} does not exist"))),
            (None, None) => Ok(String::new()),
        }
    }

    /// The new files of this entry.
    pub(super) fn overlay<'a>(&self, series: &'a Series) -> Result<Vec<&'a str>, LabError> {
        let mut all = Vec::new();
        for wanted in &self.files {
            let before = all.len();
            all.extend(series.overlay.keys().map(String::as_str).filter(|path| {
                *path == wanted || (wanted.ends_with('/') && path.starts_with(wanted.as_str()))
            }));
            if all.len() == before {
                return Err(broken(format!("{wanted} names no new file")));
            }
        }
        Ok(all)
    }
}

/// The manifest, or a plain one where there is none: every patch as it is, then all new files.
/// What the manifest forgets is an error, so that a series is never incomplete.
pub(super) fn read(text: Option<&str>, series: &Series) -> Result<Manifest, LabError> {
    let Some(text) = text else {
        return Ok(plain(series));
    };
    let manifest: Manifest = toml::from_str(text).map_err(|error| broken(error.to_string()))?;
    let mut files = Vec::new();
    let mut patches = Vec::new();
    for entry in &manifest.entries {
        files.extend(entry.overlay(series)?);
        patches.extend(entry.patch.as_deref());
    }
    for path in series.overlay.keys() {
        exactly_once(path, files.iter().filter(|file| *file == path).count())?;
    }
    for (name, _) in &series.patches {
        exactly_once(name, patches.iter().filter(|patch| *patch == name).count())?;
    }
    if let Some(unknown) = patches
        .iter()
        .find(|patch| !series.patches.iter().any(|(name, _)| name == *patch))
    {
        return Err(broken(format!("{unknown} does not exist")));
    }
    Ok(manifest)
}

fn exactly_once(name: &str, count: usize) -> Result<(), LabError> {
    match count {
        1 => Ok(()),
        0 => Err(broken(format!("{name} is in no patch"))),
        _ => Err(broken(format!("{name} is in several patches"))),
    }
}

fn plain(series: &Series) -> Manifest {
    let mut entries = Vec::new();
    if !series.overlay.is_empty() {
        entries.push(Entry {
            subject: "iommu: dmasan: add the mapping sanitizer in Rust".to_owned(),
            files: series.overlay.keys().cloned().collect(),
            ..Entry::default()
        });
    }
    entries.extend(series.patches.iter().map(|(name, text)| Entry {
        subject: subject(text).unwrap_or(name).to_owned(),
        patch: Some(name.clone()),
        ..Entry::default()
    }));
    Manifest {
        author: project(),
        entries,
    }
}

/// The subject of a patch in mail form.
fn subject(text: &str) -> Option<&str> {
    let subject = text
        .lines()
        .find_map(|line| line.strip_prefix("Subject: "))?;
    Some(
        match (subject.starts_with("[PATCH"), subject.split_once("] ")) {
            (true, Some((_, subject))) => subject,
            _ => subject,
        },
    )
}

fn project() -> String {
    "dmasan <dmasan@localhost>".to_owned()
}

fn broken(why: String) -> LabError {
    LabError::BrokenPatch {
        patch: "series.toml".to_owned(),
        why,
    }
}
