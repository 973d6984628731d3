// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The zoo's list of cases: the same source that the kernel module is built from.

#[path = "../../../zoo/catalog.rs"]
#[expect(
    unreachable_pub,
    reason = "the kernel module makes other use of the file"
)]
mod shared;

pub(crate) use shared::{Case, Expect, CASES, EDU, FORMATS, ON_EDU};

/// The case of a pattern.
pub(crate) fn find(number: u32) -> Option<&'static Case> {
    CASES.iter().find(|case| case.number == number)
}
