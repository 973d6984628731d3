// SPDX-License-Identifier: Apache-2.0 OR MIT

//! A board with RISC-V's IOMMU, which is a device on the PCI bus; as such it has to have interrupts that are messages.

use super::qemu::Qemu;
use super::riscv64::RISCV64_VIRT;

pub(super) static RISCV64_IOMMU: Qemu = Qemu {
    name: "riscv64-iommu",
    about: "a board with RISC-V's IOMMU, under QEMU",
    family: &RISCV64_VIRT,
    board: &[
        "-machine",
        "virt,aia=aplic-imsic",
        "-device",
        "riscv-iommu-pci",
    ],
    append: &[],
};
