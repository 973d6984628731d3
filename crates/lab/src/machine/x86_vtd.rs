// SPDX-License-Identifier: Apache-2.0 OR MIT

//! A PC with Intel's IOMMU. `--append intel_iommu=on,sm_on` makes the kernel use first-stage tables.

use super::qemu::Qemu;
use super::x86::X86;

pub(super) static X86_VTD: Qemu = Qemu {
    name: "x86-vtd",
    about: "a PC with Intel's IOMMU (VT-d), under QEMU",
    family: &X86,
    board: &[
        "-machine",
        "q35",
        "-device",
        "intel-iommu,intremap=off,caching-mode=off,scalable-mode=on,fsts=on",
    ],
    append: &["intel_iommu=on"],
};
