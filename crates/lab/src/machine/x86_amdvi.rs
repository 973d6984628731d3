// SPDX-License-Identifier: Apache-2.0 OR MIT

//! A PC with AMD's IOMMU. Without `dma-remap`, the queues of a network card hang (QEMU 11.1).

use super::qemu::Qemu;
use super::x86::X86;

pub(super) static X86_AMDVI: Qemu = Qemu {
    name: "x86-amdvi",
    about: "a PC with AMD's IOMMU (AMD-Vi), under QEMU",
    family: &X86,
    board: &["-machine", "q35", "-device", "amd-iommu,dma-remap=on"],
    append: &[],
};
