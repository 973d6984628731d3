// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Versions: those that the project pins (`linux/lab.lock.toml`) and those that were used
//! (`used.toml` in the cache, in the same form).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{assets, files, LabError};

/// A kernel source, a toolchain and an emulator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LockFile {
    pub(crate) source: SourcePin,
    pub(crate) toolchain: RootPin,
    /// None was needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) emulator: Option<RootPin>,
}

/// A kernel source package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SourcePin {
    pub(crate) suite: String,
    pub(crate) package: String,
    pub(crate) version: String,
    /// Of the package file, in hexadecimal.
    pub(crate) sha256: String,
}

/// The packages of a root that matter for what comes out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RootPin {
    pub(crate) suite: String,
    /// Package and version.
    pub(crate) packages: BTreeMap<String, String>,
}

impl LockFile {
    /// The versions that this binary was made with.
    pub(crate) fn embedded() -> Result<LockFile, LabError> {
        let text = assets::text("linux/lab.lock.toml").unwrap_or_default();
        toml::from_str(text).map_err(|error| LabError::BrokenPatch {
            patch: "lab.lock.toml".to_owned(),
            why: error.to_string(),
        })
    }
}

impl RootPin {
    /// What differs from what is pinned, in words.
    pub(crate) fn differences(&self, pinned: &LockFile) -> Vec<String> {
        let pinned = |package: &String| {
            let emulator = pinned.emulator.as_ref();
            let emulator = emulator.and_then(|pin| pin.packages.get(package));
            pinned.toolchain.packages.get(package).or(emulator)
        };
        self.packages
            .iter()
            .filter_map(|(package, version)| match pinned(package) {
                Some(pinned) if pinned != version => {
                    Some(format!("{package} {version} instead of {pinned}"))
                }
                _ => None,
            })
            .collect()
    }
}

/// Records what was used.
pub(crate) fn record(path: &std::path::Path, used: &impl Serialize) -> Result<(), LabError> {
    let text = toml::to_string(used).map_err(|error| LabError::Io {
        action: "write",
        path: path.to_owned(),
        source: std::io::Error::other(error),
    })?;
    files::write_if_changed(path, text.as_bytes())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_lock_file_is_whole() {
        let lock = LockFile::embedded().unwrap();
        assert_eq!(lock.source.sha256.len(), 64);
        for package in ["rustc", "bindgen", "clang"] {
            assert!(lock.toolchain.packages.contains_key(package), "{package}");
        }
    }

    #[test]
    fn a_moved_version_is_named() {
        let mut lock = LockFile::embedded().unwrap();
        let pin = |package: &str, version: &str| RootPin {
            suite: "s".into(),
            packages: [(package.to_owned(), version.to_owned())].into(),
        };
        lock.toolchain = pin("rustc", "1");
        lock.emulator = Some(pin("qemu", "10"));
        assert_eq!(
            pin("rustc", "2").differences(&lock),
            ["rustc 2 instead of 1"]
        );
        assert_eq!(
            pin("qemu", "11").differences(&lock),
            ["qemu 11 instead of 10"]
        );
        assert!(pin("rustc", "1").differences(&lock).is_empty());
    }
}
