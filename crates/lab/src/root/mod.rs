// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The build root: a small Debian with the compilers that the machine does not have.

mod create;
mod enter;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use crate::cache::Cache;
use crate::debian::SUITE;
use crate::digest::Digest;
use crate::lockfile::ToolchainPin;
use crate::{LabError, Progress};

pub(crate) use create::{DOWNLOAD_MIB, INSTALLED_MIB};
pub(crate) use enter::{Bind, ENVIRONMENT};

/// What is installed. Changing the list makes a new build root.
const PACKAGES: &[&str] = &[
    "bc",
    "bindgen",
    "bison",
    "busybox-static",
    "clang",
    "cpio",
    "flex",
    "gcc",
    "kmod",
    "libc6-dev",
    "libcap-dev",
    "libelf-dev",
    "libssl-dev",
    "lld",
    "llvm",
    "make",
    "patch",
    "perl",
    "python3",
    "rsync",
    "rust-clippy",
    "rust-src",
    "rustc",
    "rustfmt",
    "xz-utils",
    "zstd",
];

/// What is left out of the packages: two thirds of the whole, never read by a kernel build.
const EXCLUDED: &[&str] = &[
    "/usr/share/doc/*",
    "/usr/share/man/*",
    "/usr/share/locale/*",
    "/usr/share/info/*",
    // Digits, not a star: dpkg's star takes slashes too, and `library/core/src` is needed.
    "/usr/src/rustc-[0-9].[0-9][0-9].[0-9]/src/*",
    "/usr/src/rustc-[0-9].[0-9][0-9].[0-9]/compiler/*",
    "/usr/lib/llvm-*/lib/libclang*.a",
];

/// The packages whose versions are recorded: they decide what the kernel becomes.
const RECORDED: &[&str] = &[
    "bindgen",
    "clang",
    "clang-19",
    "libc6-dev",
    "lld-19",
    "make",
    "rust-src",
    "rustc",
];

/// Files without which a build root is of no use, whatever mmdebstrap says.
const ESSENTIAL: &[&str] = &[
    "usr/bin/bindgen",
    "usr/bin/busybox",
    "usr/bin/clang",
    "usr/bin/ld.lld",
    "usr/bin/rustc",
    "usr/lib/rustlib/src",
];

/// A build root that is complete.
#[derive(Debug, Clone)]
pub(crate) struct BuildRoot {
    dir: PathBuf,
    pub(crate) toolchain: ToolchainPin,
}

impl BuildRoot {
    /// The cache's build root, if there is one for today's list of packages.
    pub(crate) fn existing(cache: &Cache) -> Option<BuildRoot> {
        let dir = place(cache);
        let status = fs::read_to_string(dir.join("var/lib/dpkg/status")).ok()?;
        Some(BuildRoot {
            dir,
            toolchain: installed(&status),
        })
    }

    /// The build root; it is made if there is none.
    pub(crate) fn obtain(cache: &Cache, progress: &dyn Progress) -> Result<BuildRoot, LabError> {
        if let Some(root) = BuildRoot::existing(cache) {
            return Ok(root);
        }
        create::create(cache, &place(cache), progress)?;
        BuildRoot::existing(cache).ok_or_else(|| LabError::Io {
            action: "find the build root",
            path: place(cache),
            source: std::io::ErrorKind::NotFound.into(),
        })
    }

    /// A name that changes with the toolchain.
    pub(crate) fn id(&self) -> String {
        let mut digest = Digest::new("toolchain");
        digest.field(&self.toolchain.suite);
        for (package, version) in &self.toolchain.packages {
            digest.field(package).field(version);
        }
        format!("{SUITE}-{}", digest.short())
    }

    /// The statically linked busybox that the guests use.
    pub(crate) fn busybox(&self) -> PathBuf {
        self.dir.join("usr/bin/busybox")
    }
}

fn place(cache: &Cache) -> PathBuf {
    let mut digest = Digest::new("build root");
    for item in PACKAGES.iter().chain(EXCLUDED) {
        digest.field(item);
    }
    cache
        .path("roots")
        .join(format!("{SUITE}-{}", digest.short()))
}

/// The recorded packages in a dpkg status file.
fn installed(status: &str) -> ToolchainPin {
    let mut packages = BTreeMap::new();
    for stanza in status.split("\n\n") {
        let field = |name: &str| {
            stanza
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        };
        if let (Some(package), Some(version)) = (field("Package"), field("Version")) {
            if RECORDED.contains(&package) {
                packages.insert(package.to_owned(), version.to_owned());
            }
        }
    }
    ToolchainPin {
        suite: SUITE.to_owned(),
        packages,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_packages_are_found_in_dpkgs_status() {
        let status = "Package: rustc\nStatus: install ok installed\nVersion: 1.85.1\n\nPackage: zlib\nVersion: 1\n";
        let pin = installed(status);
        assert_eq!(pin.packages.len(), 1);
        assert_eq!(pin.packages["rustc"], "1.85.1");
    }

    #[test]
    fn package_lists_are_sorted() {
        assert!(PACKAGES.is_sorted() && RECORDED.is_sorted());
    }
}
