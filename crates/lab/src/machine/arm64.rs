// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What boards with Arm's processors have in common: all but the size of pages, for which each has a kernel of its
//! own.

use super::qemu::Family;
use crate::processor::AARCH64;

pub(super) static ARM64: Family =
    family("arm64", &["base.config", "devices.config", "arm64.config"]);

pub(super) static ARM64_16K: Family = family(
    "arm64-16k",
    &[
        "base.config",
        "devices.config",
        "arm64.config",
        "arm64-16k.config",
    ],
);

pub(super) static ARM64_64K: Family = family(
    "arm64-64k",
    &[
        "base.config",
        "devices.config",
        "arm64.config",
        "arm64-64k.config",
    ],
);

/// The board and its IOMMU.
pub(super) const SMMUV3: &[&str] = &["-machine", "virt,gic-version=max,iommu=smmuv3"];

const fn family(name: &'static str, configs: &'static [&'static str]) -> Family {
    Family {
        name,
        arch: "arm64",
        configs,
        goals: &["Image", "modules"],
        image: "arch/arm64/boot/Image",
        processor: &AARCH64,
        // It has pages of all sizes, and nothing that takes an emulator long.
        cpu: "neoverse-n1",
        console: "ttyAMA0",
        append: &[],
        has_dimms: false,
        translates_dma: true,
    }
}
