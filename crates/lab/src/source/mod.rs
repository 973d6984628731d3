// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Kernel sources: the pinned Debian package, or a user's own tree.

pub(crate) mod debian;
pub(crate) mod user;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Where a kernel's source came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SourceInfo {
    /// A Debian source package.
    Debian {
        /// Its name.
        package: String,
        /// Its Debian version.
        version: String,
        /// The SHA-256 of the package file, in hexadecimal.
        sha256: String,
    },
    /// A user's own tree, of which a copy is built.
    Tree {
        /// The tree.
        path: PathBuf,
    },
}

/// A source that lies in the cache, ready for the series.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) info: SourceInfo,
    /// Holds `linux/` and what is known about it.
    pub(crate) dir: PathBuf,
    /// Changes with the source's contents.
    pub(crate) fingerprint: String,
    /// Like `7.3.4`.
    pub(crate) version: String,
}
