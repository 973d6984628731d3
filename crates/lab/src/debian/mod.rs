// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What is fetched from a Debian mirror, and with what.

mod apt;
mod machine;
mod mirror;

pub(crate) use apt::{Apt, Available};
pub(crate) use machine::{ensure, missing};
pub(crate) use mirror::{derive as derive_mirror, proxy_settings};

/// The release whose compilers build the kernel.
pub(crate) const SUITE: &str = "trixie";
/// Where the kernel source is.
pub(crate) const BACKPORTS: &str = "trixie-backports";
/// What becomes Debian's release after that.
pub(crate) const NEXT_SUITE: &str = "forky";
/// What vouches for the mirror's contents.
pub(crate) const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
