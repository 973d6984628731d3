// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Machines that boot a kernel. A further one is a file beside `uml.rs` and a line in
//! [`MachineKind::machine`].

mod guest;
mod initramfs;
mod uml;

use std::path::Path;
use std::process::Command;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::kernel::UnknownName;

pub(crate) use guest::boot;
pub use guest::{Boot, Guest, GuestModule};

/// The kinds of machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum MachineKind {
    /// User-Mode Linux: the kernel is a process.
    Uml,
}

impl MachineKind {
    pub(crate) fn machine(self) -> &'static dyn Machine {
        match self {
            MachineKind::Uml => &uml::Uml,
        }
    }
}

impl std::fmt::Display for MachineKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            MachineKind::Uml => "uml",
        })
    }
}

impl FromStr for MachineKind {
    type Err = UnknownName;

    fn from_str(word: &str) -> Result<Self, UnknownName> {
        match word {
            "uml" => Ok(MachineKind::Uml),
            _ => Err(UnknownName {
                word: word.to_owned(),
                known: "uml",
            }),
        }
    }
}

/// What the lab has to know about a kind of machine.
pub(crate) trait Machine: Sync {
    /// The embedded configuration of its kernels.
    fn config(&self) -> &'static str;

    /// `ARCH=` of the kernel's make.
    fn arch(&self) -> &'static str;

    /// What the kernel's make is to build.
    fn goals(&self) -> &'static [&'static str];

    /// Further variables for it.
    fn variables(&self) -> &'static [&'static str] {
        &[]
    }

    /// Further variables for making a module out of the tree.
    fn module_variables(&self) -> &'static [&'static str] {
        &[]
    }

    /// What of that is booted, relative to the build folder.
    fn image(&self) -> &'static str;

    /// The command that boots. It must write the console to its standard output, never read,
    /// and end when the guest powers off or panics.
    fn command(&self, start: &Start<'_>) -> Command;
}

/// What a machine is started with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Start<'a> {
    pub(crate) image: &'a Path,
    pub(crate) initramfs: &'a Path,
    /// Words for the kernel's command line.
    pub(crate) append: &'a [String],
    pub(crate) memory_mib: u32,
    pub(crate) cpus: u32,
    /// A folder for files of its own, removed afterwards.
    pub(crate) scratch: &'a Path,
}
