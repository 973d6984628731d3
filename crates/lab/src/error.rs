// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Everything that can go wrong, each with what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::series::{Fit, Misfit};

/// Why the lab could not do what it was asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LabError {
    /// A file operation failed.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was attempted, as a verb: `write`, `rename`.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// The file system that holds the cache is full, or will be.
    #[error(
        "not enough disk space at {}: {what} needs about {needed_mib} MiB, {available_mib} MiB are free; \
         free some, or set DMASAN_CACHE to a folder on a larger disk", path.display()
    )]
    NoSpace {
        /// The folder on the full file system.
        path: PathBuf,
        /// What the space is for.
        what: String,
        /// How much that takes in all, in MiB.
        needed_mib: u64,
        /// How much is free, in MiB.
        available_mib: u64,
    },

    /// Neither an environment variable nor the system says where the cache should be.
    #[error("no place for the cache: set DMASAN_CACHE, XDG_CACHE_HOME or HOME")]
    NoCacheFolder,

    /// The package mirror cannot be reached or broke off.
    #[error("could not download {what}: {detail}; check the network and run the same command again, what was complete is kept")]
    Download {
        /// What was being fetched.
        what: String,
        /// What the package tool said.
        detail: String,
    },

    /// The machine's apt names no Debian mirror to derive ours from.
    #[error("no Debian package mirror: {why}; set DMASAN_MIRROR to the URL of one")]
    NoMirror {
        /// What was looked at.
        why: String,
    },

    /// A program that the lab needs is missing and cannot be installed by the lab itself.
    #[error("{tool} is missing; install it with: {fix}")]
    MissingTool {
        /// The program.
        tool: String,
        /// The command to run.
        fix: String,
    },

    /// The user may not create user namespaces, which the build root needs.
    #[error("cannot enter a user namespace as this user: {why}; {fix}, or run as root")]
    UserNamespaces {
        /// What the system said.
        why: String,
        /// What an administrator can do.
        fix: String,
    },

    /// The mirror no longer has the kernel source.
    #[error(
        "the mirror no longer has {package} (it has: {}); use --linux DIR with a tree of your own, or a newer dmasan",
        if available.is_empty() { "no kernel source".to_owned() } else { available.join(", ") }
    )]
    SourceGone {
        /// The package looked for.
        package: String,
        /// The kernel source packages that it has.
        available: Vec<String>,
    },

    /// What was downloaded is not what was pinned.
    #[error(
        "{what} has checksum {found}, expected {expected}; it was not used and has been removed"
    )]
    Checksum {
        /// The file.
        what: String,
        /// The pinned SHA-256, in hexadecimal.
        expected: String,
        /// The SHA-256 found.
        found: String,
    },

    /// The folder is not a Linux source tree.
    #[error("{} is not a Linux source tree: {why}", path.display())]
    NotAKernelTree {
        /// The folder.
        path: PathBuf,
        /// What is missing in it.
        why: String,
    },

    /// The tree's version has no IOMMU mapping sanitizer to build on.
    #[error("{} is Linux {found}; the sanitizer needs 7.0 or later and is written for {written_for}", path.display())]
    UnsupportedVersion {
        /// The tree.
        path: PathBuf,
        /// Its version.
        found: String,
        /// The version that the patches were made for.
        written_for: String,
    },

    /// The patch series does not fit the tree.
    #[error("{}", misfit_text(path, fit))]
    DoesNotFit {
        /// The tree.
        path: PathBuf,
        /// What fits and what does not.
        fit: Box<Fit>,
    },

    /// A patch of the series cannot be read.
    #[error("patch {patch} of the series is broken: {why}")]
    BrokenPatch {
        /// Its file name.
        patch: String,
        /// What is wrong with it.
        why: String,
    },

    /// The kernel's configuration did not take some wanted symbols.
    #[error("the kernel's configuration did not take: {}; a dependency is missing or the symbol does not exist (configuration: {})", symbols.join(", "), config.display())]
    ConfigRejected {
        /// The wanted settings, as in `.config`.
        symbols: Vec<String>,
        /// The configuration that came out.
        config: PathBuf,
    },

    /// A program of the lab failed.
    #[error("{what} failed ({status}){}\nfull log: {}", indented(lines), log.display())]
    Failed {
        /// What was being done.
        what: String,
        /// How the program ended.
        status: String,
        /// The lines of its output that say why.
        lines: Vec<String>,
        /// All of its output.
        log: PathBuf,
    },

    /// The path given as a module is neither a `.ko` nor a folder that builds one.
    #[error("{} is not a kernel module: {why}", path.display())]
    NotAModule {
        /// The path.
        path: PathBuf,
        /// What was expected.
        why: String,
    },

    /// The machine cannot be given this device.
    #[error("the machine {machine} has no place for the device {device}")]
    NoDevice {
        /// The machine.
        machine: String,
        /// The device.
        device: String,
    },

    /// There is no C library for that processor here.
    #[error("programs for {processor} cannot be compiled on this machine")]
    ForeignProgram {
        /// The processor of the guest.
        processor: String,
    },

    /// The machine runs on the processor itself.
    #[error("the machine {machine} cannot count instructions: its processor is not emulated")]
    NoIcount {
        /// The machine.
        machine: String,
    },

    /// Another version of the lab works in the same cache.
    #[error("another dmasan has changed the kernel meanwhile; run the same command again")]
    Overtaken,

    /// The user asked to stop.
    #[error("interrupted")]
    Interrupted,
}

impl LabError {
    /// For `map_err` of file operations: `.map_err(LabError::io("read", path))`.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> LabError {
        let path = path.to_owned();
        move |source| {
            if matches!(
                source.kind(),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
            ) {
                return LabError::no_space(&path, &format!("to {action} {}", path.display()), 0);
            }
            LabError::Io {
                action,
                path,
                source,
            }
        }
    }

    /// The disk under `path` cannot hold `what`. `needed_mib` 0: as much as the whole lab takes.
    pub(crate) fn no_space(path: &Path, what: &str, needed_mib: u64) -> LabError {
        LabError::NoSpace {
            path: path.to_owned(),
            what: what.to_owned(),
            needed_mib: if needed_mib == 0 {
                crate::cache::WHOLE_LAB_MIB
            } else {
                needed_mib
            },
            available_mib: crate::cache::available_mib(path).unwrap_or(0),
        }
    }
}

fn indented(lines: &[String]) -> String {
    lines.iter().map(|line| format!("\n  {line}")).collect()
}

fn misfit_text(path: &Path, fit: &Fit) -> String {
    let misfits: Vec<String> = fit.misfits.iter().map(Misfit::to_string).collect();
    format!(
        "the patch series (for Linux {}) does not fit {} (Linux {}):{}",
        fit.written_for,
        path.display(),
        fit.version,
        indented(&misfits)
    )
}
