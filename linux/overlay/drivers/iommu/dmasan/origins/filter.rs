// SPDX-License-Identifier: GPL-2.0-only

//! Reports of one device or of one driver only.

use super::{
    domains::{self, words_of, Name, DEVICE},
    of, //
};
use crate::engine::Spans;
use kernel::{
    ffi::{c_char, CStr},
    fmt,
    prelude::*,
    sync::atomic::{Atomic, Relaxed}, //
};

/// The name of a device or of a driver; empty if all are wanted. Whoever looks while it is being
/// changed may see parts of both names.
static NAME: [Atomic<u64>; DEVICE] = [const { Atomic::new(0) }; DEVICE];

fn name() -> [u64; DEVICE] {
    core::array::from_fn(|at| NAME.get(at).map_or(0, |word| word.load(Relaxed)))
}

/// The name, for people.
pub(crate) struct Shown;

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Name(&name()).fmt(f)
    }
}

/// Whether anybody wants to be told of these pages: one was mapped for the device or by the driver
/// that is asked for, or nobody knows.
pub(crate) fn wants(spans: &Spans) -> bool {
    if name() == [0; DEVICE] {
        return true;
    }
    spans.kept().iter().any(|span| {
        of(span.first)
            .made
            .is_none_or(|made| wants_domain(made.domain))
    })
}

/// Whether anybody wants to be told of what happens in a domain.
pub(crate) fn wants_domain(number: u32) -> bool {
    let name = name();
    name == [0; DEVICE] || domains::known(number).is_none_or(|domain| domain.goes_by(&name))
}

/// Sets the name.
///
/// # Safety
///
/// `name` must point to a string that ends with a null character.
#[export]
pub(crate) unsafe extern "C" fn iommu_debug_filter_set(name: *const c_char) {
    // SAFETY: By the safety requirement.
    let words = words_of::<DEVICE>(unsafe { CStr::from_char_ptr(name) });
    for (word, new) in NAME.iter().zip(words) {
        word.store(new, Relaxed);
    }
}
