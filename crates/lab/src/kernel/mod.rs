// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Kernels: what is asked for, what is built, and how it is known that nothing is to be done.

mod build;
mod config;
mod folders;
mod recover;

use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::machine::MachineKind;
use crate::source::SourceInfo;

pub(crate) use build::{build, current, is_intact, made, Plan, BUILD_MIB};
pub(crate) use config::compose;

/// The two implementations of the sanitizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Implementation {
    /// Ours.
    Rust,
    /// The kernel's own.
    C,
}

impl std::fmt::Display for Implementation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Implementation::Rust => "rust",
            Implementation::C => "c",
        })
    }
}

/// A word that names no implementation, machine or device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is none of: {known}")]
pub struct UnknownName {
    pub(crate) word: String,
    pub(crate) known: String,
}

impl UnknownName {
    /// The one of `all` that is called `word`.
    pub(crate) fn look_up<T: Copy + Display>(word: &str, all: &[T]) -> Result<T, UnknownName> {
        let names = || all.iter().map(ToString::to_string);
        match names().position(|name| name == word) {
            Some(at) => Ok(all[at]),
            None => Err(UnknownName {
                word: word.to_owned(),
                known: names().collect::<Vec<_>>().join(", "),
            }),
        }
    }
}

impl FromStr for Implementation {
    type Err = UnknownName;

    fn from_str(word: &str) -> Result<Self, UnknownName> {
        UnknownName::look_up(word, &[Implementation::Rust, Implementation::C])
    }
}

/// A kernel that is wanted.
#[derive(Debug, Clone)]
pub struct KernelRequest {
    /// The machine that it is to run on.
    pub machine: MachineKind,
    /// Which sanitizer is in it.
    pub implementation: Implementation,
    /// A kernel tree of the user's; it is copied, never written to. `None`: the pinned source.
    pub linux: Option<PathBuf>,
    /// Further settings, name and Kconfig text (`CONFIG_X=y` lines); later ones win.
    pub fragments: Vec<(String, String)>,
}

impl KernelRequest {
    /// The kernel that most callers want: the pinned source, no further settings.
    #[must_use]
    pub fn new(machine: MachineKind, implementation: Implementation) -> KernelRequest {
        KernelRequest {
            machine,
            implementation,
            linux: None,
            fragments: Vec::new(),
        }
    }
}

/// A kernel that is built.
#[derive(Debug, Clone)]
pub struct Kernel {
    /// The machine that it runs on.
    pub machine: MachineKind,
    /// Which sanitizer is in it.
    pub implementation: Implementation,
    /// Its release, as `uname -r` says.
    pub release: String,
    /// Where its source came from.
    pub source: SourceInfo,
    /// What is booted.
    pub image: PathBuf,
    /// Where it was built (`O=` of the kernel's make).
    pub build_dir: PathBuf,
    /// Its source, with the series applied.
    pub tree: PathBuf,
    /// Changes whenever the kernel does.
    pub(crate) key: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for implementation in [Implementation::Rust, Implementation::C] {
            assert_eq!(implementation.to_string().parse(), Ok(implementation));
        }
        assert_eq!(
            "D".parse::<Implementation>().unwrap_err().to_string(),
            "`D` is none of: rust, c"
        );
    }
}
