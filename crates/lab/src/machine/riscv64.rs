// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What boards with RISC-V's processors have in common.

use super::qemu::Family;
use crate::processor::RISCV64;

pub(super) static RISCV64_VIRT: Family = Family {
    name: "riscv64",
    arch: "riscv",
    configs: &["base.config", "devices.config", "riscv64.config"],
    goals: &["Image", "modules"],
    image: "arch/riscv/boot/Image",
    processor: &RISCV64,
    cpu: "rv64",
    console: "ttyS0",
    append: &[],
    has_dimms: false,
    // Not as of Linux 7.3: its IOMMU is for VFIO and iommufd.
    translates_dma: false,
};
