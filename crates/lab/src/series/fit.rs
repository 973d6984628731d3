// SPDX-License-Identifier: Apache-2.0 OR MIT

//! How well the series fits a tree.

use std::fmt;

use serde::Serialize;

/// How the series fits a kernel tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fit {
    /// The tree's version, like `7.3.4`.
    pub version: String,
    /// The release that the series is written for, like `7.3`.
    pub written_for: String,
    /// Hunks that fit, in another place of the file than the patch says.
    pub moved: usize,
    /// Hunks that the tree has already.
    pub already: usize,
    /// Hunks that fit as they are.
    pub exact: usize,
    /// What does not fit; empty if the series can be applied.
    pub misfits: Vec<Misfit>,
}

impl Fit {
    pub(crate) fn new(version: &str, written_for: (u32, u32)) -> Fit {
        Fit {
            version: version.to_owned(),
            written_for: format!("{}.{}", written_for.0, written_for.1),
            moved: 0,
            already: 0,
            exact: 0,
            misfits: Vec::new(),
        }
    }

    /// Whether the series can be applied.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.misfits.is_empty()
    }
}

/// One thing that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Misfit {
    /// The patch's file name.
    pub patch: String,
    /// The file in the tree.
    pub file: String,
    /// The hunk, counted from 1, and its header; `None` if the whole file is meant.
    pub hunk: Option<(usize, String)>,
    /// What is wrong.
    pub why: Why,
}

/// Why a patch does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Why {
    /// The file that it changes is not there.
    FileMissing,
    /// The file that it creates is there, with other contents.
    FileExists,
    /// The lines that it changes are not there, or look different.
    ContextNotFound,
    /// The file is not text.
    NotText,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: ", self.patch, self.file)?;
        if let Some((number, header)) = &self.hunk {
            write!(f, "hunk {number} ({header}): ")?;
        }
        f.write_str(match self.why {
            Why::FileMissing => "the file does not exist",
            Why::FileExists => "the file exists already, with other contents",
            Why::ContextNotFound => "the lines that it changes are not there",
            Why::NotText => "the file is not UTF-8 text",
        })
    }
}
