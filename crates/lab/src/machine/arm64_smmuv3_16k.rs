// SPDX-License-Identifier: Apache-2.0 OR MIT

//! A board with Arm's IOMMU, and pages of 16K.

use super::arm64::{ARM64_16K, SMMUV3};
use super::qemu::Qemu;

pub(super) static ARM64_SMMUV3_16K: Qemu = Qemu {
    name: "arm64-smmuv3-16k",
    about: "a board with Arm's IOMMU (SMMUv3) and pages of 16K, under QEMU",
    family: &ARM64_16K,
    board: SMMUV3,
    append: &[],
};
