// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What the machine has, what is missing, and what would be downloaded.

use std::path::PathBuf;

use serde::Serialize;

use crate::cache::{available_mib, Cache, WHOLE_LAB_MIB};
use crate::debian::{derive_mirror, missing, BACKPORTS, SUITE};
use crate::emulator::Emulator;
use crate::native::{self, Tool};
use crate::processor::X86_64;
use crate::root::{Root, COMPILERS};
use crate::{namespace, source};

/// The state of the machine and of the cache.
#[derive(Debug, Clone, Serialize)]
pub struct Doctor {
    /// Where the cache is.
    pub cache: PathBuf,
    /// Free space there, in MiB.
    pub free_mib: u64,
    /// What the lab takes in all, in MiB.
    pub needed_mib: u64,
    /// The machine's own tools.
    pub tools: Vec<Tool>,
    /// Whether they will do; if not, a build root is used.
    pub tools_pass: bool,
    /// Whether the user is root.
    pub root: bool,
    /// Whether the mirror is known, and if not, why.
    pub mirror: Result<String, String>,
    /// Which QEMU there is for the machines that need one; if there is none, one is downloaded when such
    /// a machine is asked for.
    pub qemu: Option<String>,
    /// What has to be downloaded and made, in order.
    pub to_do: Vec<ToDo>,
    /// What must be put right by hand before anything else; empty if nothing.
    pub problems: Vec<String>,
}

/// Something that the next build downloads or makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ToDo {
    /// What.
    pub what: String,
    /// What is downloaded for it, in MiB.
    pub download_mib: u64,
    /// What it takes on disk, in MiB.
    pub disk_mib: u64,
}

impl Doctor {
    /// Whether a demo can run: nothing must be put right by hand.
    #[must_use]
    pub fn can_run(&self) -> bool {
        self.problems.is_empty()
    }
}

pub(crate) fn examine(cache: &Cache) -> Doctor {
    let tools = native::survey();
    let tools_pass = tools.iter().all(|tool| tool.ok);
    let has_root = Root::existing(cache, &COMPILERS).is_some();
    let needs_root = !tools_pass && !has_root;
    let mut to_do = Vec::new();
    if needs_root {
        to_do.push(ToDo {
            what: format!("build root: Debian {SUITE} with rustc, bindgen and clang"),
            download_mib: COMPILERS.download_mib,
            disk_mib: COMPILERS.installed_mib,
        });
    }
    if !source::debian::is_cached(cache) {
        to_do.push(ToDo {
            what: format!("kernel source: Debian {BACKPORTS}"),
            download_mib: source::debian::DOWNLOAD_MIB,
            disk_mib: source::debian::UNPACKED_MIB,
        });
    }
    if crate::cache::entries(&cache.path("builds"))
        .next()
        .is_none()
    {
        to_do.push(ToDo {
            what: "kernel build".to_owned(),
            download_mib: 0,
            disk_mib: crate::kernel::BUILD_MIB,
        });
    }

    let mirror = derive_mirror().map_err(|error| error.to_string());
    let downloads = to_do.iter().any(|to_do| to_do.download_mib > 0);
    let free_mib = available_mib(&cache.path("")).unwrap_or(0);
    let wanted_mib: u64 = to_do.iter().map(|to_do| to_do.disk_mib).sum();
    let mut problems = Vec::new();
    if needs_root && !namespace::is_root() {
        for (program, package) in missing() {
            problems.push(format!(
                "{program} is missing; install it with: {}",
                namespace::install_command(package)
            ));
        }
    }
    if !tools_pass {
        problems.extend(namespace::require().err().map(|error| error.to_string()));
    }
    if downloads {
        problems.extend(mirror.as_ref().err().cloned());
    }
    if free_mib < wanted_mib {
        problems.push(format!(
            "{free_mib} MiB are free at {}, {wanted_mib} MiB are needed",
            cache.path("").display()
        ));
    }
    problems.dedup();
    Doctor {
        cache: cache.path(""),
        free_mib,
        needed_mib: WHOLE_LAB_MIB,
        tools,
        tools_pass,
        root: namespace::is_root(),
        mirror,
        qemu: Emulator::existing(cache, &X86_64).map(|qemu| qemu.describe()),
        to_do,
        problems,
    }
}
