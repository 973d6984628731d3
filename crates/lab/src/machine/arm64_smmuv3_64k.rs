// SPDX-License-Identifier: Apache-2.0 OR MIT

//! A board with Arm's IOMMU, and pages of 64K.

use super::arm64::{ARM64_64K, SMMUV3};
use super::qemu::Qemu;

pub(super) static ARM64_SMMUV3_64K: Qemu = Qemu {
    name: "arm64-smmuv3-64k",
    about: "a board with Arm's IOMMU (SMMUv3) and pages of 64K, under QEMU",
    family: &ARM64_64K,
    board: SMMUV3,
    append: &[],
};
