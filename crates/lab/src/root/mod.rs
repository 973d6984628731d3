// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Roots: small Debians with what the machine does not have.

mod create;
mod enter;
mod kind;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use crate::cache::Cache;
use crate::digest::Digest;
use crate::lockfile::RootPin;
use crate::{LabError, Progress};

pub(crate) use enter::{Bind, ENVIRONMENT};
pub(crate) use kind::{Kind, COMPILERS};

/// A root that is complete.
#[derive(Debug, Clone)]
pub(crate) struct Root {
    dir: PathBuf,
    /// What is installed in it.
    pub(crate) packages: RootPin,
}

impl Root {
    /// The cache's root of this kind, if there is one for today's list of packages.
    pub(crate) fn existing(cache: &Cache, kind: &Kind) -> Option<Root> {
        let dir = place(cache, kind);
        let status = fs::read_to_string(dir.join("var/lib/dpkg/status")).ok()?;
        Some(Root {
            dir,
            packages: installed(kind, &status),
        })
    }

    /// The root; it is made if there is none.
    pub(crate) fn obtain(
        cache: &Cache,
        kind: &Kind,
        progress: &dyn Progress,
    ) -> Result<Root, LabError> {
        if let Some(root) = Root::existing(cache, kind) {
            return Ok(root);
        }
        create::create(cache, kind, &place(cache, kind), progress)?;
        Root::existing(cache, kind).ok_or_else(|| LabError::Io {
            action: "find the root",
            path: place(cache, kind),
            source: std::io::ErrorKind::NotFound.into(),
        })
    }

    /// A name that changes with the versions of what is recorded.
    pub(crate) fn id(&self) -> String {
        let mut digest = Digest::new("toolchain");
        digest.field(&self.packages.suite);
        for (package, version) in &self.packages.packages {
            digest.field(package).field(version);
        }
        format!("{}-{}", self.packages.suite, digest.short())
    }

    /// The statically linked busybox that the guests use.
    pub(crate) fn busybox(&self) -> PathBuf {
        self.dir.join("usr/bin/busybox")
    }
}

fn place(cache: &Cache, kind: &Kind) -> PathBuf {
    let mut digest = Digest::new("build root");
    for item in kind.packages.iter().chain(kind.excluded) {
        digest.field(item);
    }
    cache
        .path("roots")
        .join(format!("{}-{}", kind.name, digest.short()))
}

/// The recorded packages in a dpkg status file.
fn installed(kind: &Kind, status: &str) -> RootPin {
    let mut packages = BTreeMap::new();
    for stanza in status.split("\n\n") {
        let field = |name: &str| {
            stanza
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        };
        if let (Some(package), Some(version)) = (field("Package"), field("Version")) {
            if kind.recorded.contains(&package) {
                packages.insert(package.to_owned(), version.to_owned());
            }
        }
    }
    RootPin {
        suite: kind.suite.to_owned(),
        packages,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_packages_are_found_in_dpkgs_status() {
        let status = "Package: rustc\nStatus: install ok installed\nVersion: 1.85.1\n\nPackage: zlib\nVersion: 1\n";
        let pin = installed(&COMPILERS, status);
        assert_eq!(pin.packages.len(), 1);
        assert_eq!(pin.packages["rustc"], "1.85.1");
    }
}
