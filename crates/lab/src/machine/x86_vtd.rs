// SPDX-License-Identifier: Apache-2.0 OR MIT

//! A PC with Intel's IOMMU.

use super::qemu::Qemu;
use super::x86::X86;

/// In scalable mode it has tables of the first stage only, else of the second.
pub(super) const VTD: &[&str] = &[
    "-machine",
    "q35",
    "-device",
    "intel-iommu,intremap=off,caching-mode=off,scalable-mode=on,fsts=on",
];

pub(super) static X86_VTD: Qemu = Qemu {
    name: "x86-vtd",
    about: "a PC with Intel's IOMMU (VT-d), under QEMU",
    family: &X86,
    board: VTD,
    append: &["intel_iommu=on"],
};
