// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What the PCs have in common: one kernel, which finds out which IOMMU it has.

use super::qemu::Family;
use crate::processor::X86_64;

pub(super) static X86: Family = Family {
    name: "x86",
    arch: "x86_64",
    configs: &["base.config", "devices.config", "x86.config"],
    goals: &["bzImage", "modules"],
    image: "arch/x86/boot/bzImage",
    processor: &X86_64,
    // All that there is, except that page tables have four levels: the fifth only takes time.
    cpu: "max,la57=off",
    console: "ttyS0",
    // On a busy host the timer may not tick within the few milliseconds that the kernel waits for it before it
    // panics.
    append: &["no_timer_check"],
    has_dimms: true,
    translates_dma: true,
};
