// SPDX-License-Identifier: Apache-2.0 OR MIT

//! A board with Arm's IOMMU, and pages of 4K.

use super::arm64::{ARM64, SMMUV3};
use super::qemu::Qemu;

pub(super) static ARM64_SMMUV3: Qemu = Qemu {
    name: "arm64-smmuv3",
    about: "a board with Arm's IOMMU (SMMUv3), under QEMU",
    family: &ARM64,
    board: SMMUV3,
    append: &[],
};
