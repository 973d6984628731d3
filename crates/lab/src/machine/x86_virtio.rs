// SPDX-License-Identifier: Apache-2.0 OR MIT

//! A PC with an IOMMU of paravirtual make: it has no page tables, every mapping is a message.

use super::qemu::Qemu;
use super::x86::X86;

pub(super) static X86_VIRTIO: Qemu = Qemu {
    name: "x86-virtio",
    about: "a PC with a paravirtual IOMMU (virtio-iommu), under QEMU",
    family: &X86,
    board: &["-machine", "q35", "-device", "virtio-iommu-pci"],
    append: &[],
};
