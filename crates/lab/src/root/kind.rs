// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What is in a root: the compilers, an emulator, or programs for a guest.

use crate::debian::{BACKPORTS, NEXT_SUITE, SUITE};

/// A list of packages, and what there is to know about it.
#[derive(Debug)]
pub(crate) struct Kind {
    /// What people call it.
    pub(crate) title: &'static str,
    /// What its folders' names begin with.
    pub(super) name: &'static str,
    /// The architecture, if it is not the machine's own: then nothing in it can be run, and packages are only
    /// unpacked.
    pub(super) architecture: Option<&'static str>,
    /// The suite whose versions matter.
    pub(super) suite: &'static str,
    /// A suite to fall back on where the mirror's lists of the usual one do not match each other: for packages that
    /// depend on nothing.
    pub(super) alternative: Option<&'static str>,
    /// What is installed. Changing the list makes a new root.
    pub(super) packages: &'static [&'static str],
    /// Source packages that are taken from [`BACKPORTS`].
    pub(super) backports: &'static [&'static str],
    /// The package whose version people are told.
    pub(super) main: &'static str,
    /// What is left out of the packages.
    pub(super) excluded: &'static [&'static str],
    /// The packages whose versions are recorded.
    pub(super) recorded: &'static [&'static str],
    /// Files without which the root is of no use, whatever mmdebstrap says; `*` is any one folder.
    pub(super) essential: &'static [&'static str],
    /// What is downloaded, in MiB.
    pub(crate) download_mib: u64,
    /// What it takes on disk, in MiB, while it is made.
    pub(crate) installed_mib: u64,
}

/// The compilers that the machine does not have.
pub(crate) static COMPILERS: Kind = Kind {
    title: "build root",
    name: SUITE,
    architecture: None,
    suite: SUITE,
    alternative: None,
    packages: COMPILER_PACKAGES,
    backports: &[],
    main: "rustc",
    excluded: COMPILER_EXCLUDED,
    // They decide what the kernel becomes.
    recorded: COMPILER_RECORDED,
    essential: COMPILER_ESSENTIAL,
    download_mib: 360,
    installed_mib: 1700,
};

impl Kind {
    /// QEMU for one architecture. Apart from the compilers, as who stays with User-Mode Linux needs none, and as a
    /// newer one does not make a kernel that is built an old one.
    pub(crate) const fn qemu(
        title: &'static str,
        name: &'static str,
        packages: &'static [&'static str],
        recorded: &'static [&'static str],
        essential: &'static [&'static str],
    ) -> Kind {
        Kind {
            title,
            name,
            architecture: None,
            suite: BACKPORTS,
            alternative: None,
            packages,
            // Their versions depend on each other.
            backports: &["qemu", "seabios", "ipxe", "edk2"],
            main: packages[0],
            excluded: DOCUMENTATION,
            recorded,
            essential,
            download_mib: 90,
            installed_mib: 300,
        }
    }

    /// Programs for guests of an architecture that is not the machine's own.
    pub(crate) const fn busybox(
        title: &'static str,
        name: &'static str,
        architecture: &'static str,
    ) -> Kind {
        Kind {
            title,
            name,
            architecture: Some(architecture),
            suite: SUITE,
            // Mirrors may take days to have a consistent list of an architecture that few people use.
            alternative: Some(NEXT_SUITE),
            packages: &["busybox-static"],
            backports: &[],
            main: "busybox-static",
            excluded: &[],
            recorded: &[],
            essential: &["usr/bin/busybox"],
            // The list of packages, above all.
            download_mib: 10,
            installed_mib: 80,
        }
    }
}

const COMPILER_PACKAGES: &[&str] = &[
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

/// Two thirds of the whole, never read by a kernel build.
const COMPILER_EXCLUDED: &[&str] = &[
    "/usr/share/doc/*",
    "/usr/share/man/*",
    "/usr/share/locale/*",
    "/usr/share/info/*",
    // Digits, not a star: dpkg's star takes slashes too, and `library/core/src` is needed.
    "/usr/src/rustc-[0-9].[0-9][0-9].[0-9]/src/*",
    "/usr/src/rustc-[0-9].[0-9][0-9].[0-9]/compiler/*",
    "/usr/lib/llvm-*/lib/libclang*.a",
];

const COMPILER_RECORDED: &[&str] = &[
    "bindgen",
    "clang",
    "clang-19",
    "libc6-dev",
    "lld-19",
    "make",
    "rust-src",
    "rustc",
];

const COMPILER_ESSENTIAL: &[&str] = &[
    "usr/bin/bindgen",
    "usr/bin/busybox",
    "usr/bin/clang",
    "usr/bin/ld.lld",
    "usr/bin/rustc",
    "usr/lib/rustlib/src",
    "usr/src/*/library/core/src/lib.rs",
];

const DOCUMENTATION: &[&str] = &[
    "/usr/share/doc/*",
    "/usr/share/man/*",
    "/usr/share/locale/*",
    "/usr/share/info/*",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::processor::{AARCH64, RISCV64, X86_64};

    #[test]
    fn package_lists_are_sorted_and_what_is_recorded_is_installed() {
        for kind in [&COMPILERS, &X86_64.qemu, &AARCH64.qemu, &RISCV64.qemu] {
            assert!(kind.packages.is_sorted() && kind.recorded.is_sorted());
            assert!(kind.recorded.contains(&kind.main));
        }
    }
}
