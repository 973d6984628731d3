// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The machine's own tools: whether they can build a Rust kernel.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Serialize;

use crate::digest::Digest;
use crate::process::{answer, find_program};

/// Versions below which a Linux 7.3 with Rust cannot be built.
const RUSTC: Version = Version(1, 85, 0);
const BINDGEN: Version = Version(0, 71, 1);
const CLANG: Version = Version(17, 0, 0);

/// Programs of which any version does.
const PROGRAMS: &[&str] = &[
    "make",
    "flex",
    "bison",
    "bc",
    "perl",
    "ld.lld",
    "llvm-ar",
    "llvm-link",
    "llvm-nm",
    "llvm-objcopy",
    "llvm-strip",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(pub(crate) u32, pub(crate) u32, pub(crate) u32);

/// Tools that pass.
#[derive(Debug, Clone)]
pub(crate) struct Tools {
    versions: Vec<String>,
    pub(crate) busybox: PathBuf,
}

impl Tools {
    pub(crate) fn id(&self) -> String {
        let mut digest = Digest::new("machine");
        for version in &self.versions {
            digest.field(version);
        }
        format!("machine-{}", digest.short())
    }
}

/// One thing that a kernel build needs of the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tool {
    /// What it is.
    pub name: String,
    /// What the machine has; `None` if nothing.
    pub found: Option<String>,
    /// What is needed, like `1.85.0`; empty if any will do.
    pub wanted: String,
    /// Whether what the machine has will do.
    pub ok: bool,
}

/// The machine's tools, if they all pass. Gives up at the first that does not, so that a machine
/// without compilers costs nothing.
pub(crate) fn detect() -> Option<Tools> {
    let mut versions = Vec::new();
    for tool in checks() {
        let tool = tool();
        if !tool.ok {
            return None;
        }
        versions.push(format!("{} {}", tool.name, tool.found.unwrap_or_default()));
    }
    Some(Tools {
        versions,
        busybox: static_busybox()?,
    })
}

/// All of the machine's tools, for the doctor.
pub(crate) fn survey() -> Vec<Tool> {
    checks().map(|check| check()).collect()
}

/// The checks, the ones that fail most often first.
fn checks() -> impl Iterator<Item = Box<dyn Fn() -> Tool>> {
    let versioned: [(&str, &str, Version); 3] = [
        ("clang", "clang", CLANG),
        ("bindgen", "bindgen", BINDGEN),
        ("rustc", "rustc", RUSTC),
    ];
    let versioned = versioned
        .into_iter()
        .map(|(name, program, wanted)| -> Box<dyn Fn() -> Tool> {
            Box::new(move || {
                let found = version_of(program);
                Tool {
                    name: name.to_owned(),
                    found: found.map(|version| version.to_string()),
                    wanted: wanted.to_string(),
                    ok: found.is_some_and(|found| found >= wanted),
                }
            })
        });
    let programs = PROGRAMS.iter().map(|program| -> Box<dyn Fn() -> Tool> {
        Box::new(|| present(program, find_program(program)))
    });
    let files: [Box<dyn Fn() -> Tool>; 3] = [
        Box::new(|| present("rust library source", library_source())),
        Box::new(|| present("static libc (libc.a)", static_libc())),
        Box::new(|| present("static busybox", static_busybox())),
    ];
    versioned.chain(programs).chain(files)
}

fn present(name: &str, path: Option<PathBuf>) -> Tool {
    let found = path.map(|path| path.display().to_string());
    Tool {
        name: name.to_owned(),
        wanted: String::new(),
        ok: found.is_some(),
        found,
    }
}

fn library_source() -> Option<PathBuf> {
    let sysroot = answer(Command::new("rustc").args(["--print", "sysroot"]))?;
    let library = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library");
    library.join("core/src/lib.rs").is_file().then_some(library)
}

fn static_libc() -> Option<PathBuf> {
    [
        "/usr/lib/x86_64-linux-gnu/libc.a",
        "/usr/lib64/libc.a",
        "/usr/lib/libc.a",
    ]
    .into_iter()
    .map(PathBuf::from)
    .find(|path| path.is_file())
}

fn static_busybox() -> Option<PathBuf> {
    [
        "/usr/bin/busybox",
        "/bin/busybox",
        "/usr/sbin/busybox.static",
    ]
    .into_iter()
    .map(PathBuf::from)
    .find(|path| fs::read(path).is_ok_and(|bytes| is_static_elf(&bytes)))
}

/// Whether a 64-bit little-endian ELF file runs without an interpreter (the dynamic linker).
fn is_static_elf(bytes: &[u8]) -> bool {
    const PT_INTERP: u32 = 3;
    let number = |at: usize, size: usize| -> Option<usize> {
        let field = bytes.get(at..at + size)?;
        Some(
            field
                .iter()
                .rev()
                .fold(0, |value, byte| value << 8 | usize::from(*byte)),
        )
    };
    let segments = || {
        let (table, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
        (0..count)
            .map(|index| number(table.checked_add(index * size)?, 4))
            .collect::<Option<Vec<_>>>()
    };
    bytes.starts_with(b"\x7fELF\x02\x01")
        && segments().is_some_and(|kinds| !kinds.contains(&(PT_INTERP as usize)))
}

/// The version of a program, if there is one.
pub(crate) fn version_of(program: &str) -> Option<Version> {
    version_in(&answer(Command::new(program).arg("--version"))?)
}

/// The first version number in a program's answer.
fn version_in(text: &str) -> Option<Version> {
    text.split([' ', '\n', '(']).find_map(|word| {
        let mut parts = word.split(['.', '-', '+', '~']);
        let mut next = || parts.next()?.parse().ok();
        Some(Version(next()?, next()?, next().unwrap_or(0)))
    })
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_programs_print_them() {
        for (text, version) in [
            (
                "rustc 1.85.1 (4eb161250 2025-03-15) (built from a source tarball)",
                Version(1, 85, 1),
            ),
            ("rustc 1.97.0-nightly (abc 2026-01-01)", Version(1, 97, 0)),
            ("bindgen 0.71.1", Version(0, 71, 1)),
            (
                "Debian clang version 19.1.7 (3+b1)\nTarget: x86_64-pc-linux-gnu",
                Version(19, 1, 7),
            ),
        ] {
            assert_eq!(version_in(text), Some(version), "{text}");
        }
        assert_eq!(version_in("no number"), None);
    }

    #[test]
    fn versions_compare_as_numbers() {
        assert!(Version(0, 9, 0) < Version(0, 71, 1) && Version(19, 0, 0) > CLANG);
    }

    #[test]
    fn a_program_with_an_interpreter_is_not_static() {
        let test = fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(!is_static_elf(&test));
        assert!(!is_static_elf(b"#!/bin/sh\n"));
    }
}
