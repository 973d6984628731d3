// SPDX-License-Identifier: Apache-2.0 OR MIT

//! A PC with Intel's IOMMU in scalable mode: its tables are those of the first stage, which are laid out as the processor's.

use super::qemu::Qemu;
use super::x86::X86;
use super::x86_vtd::VTD;

pub(super) static X86_VTD_FIRST: Qemu = Qemu {
    name: "x86-vtd-first",
    about: "the same with first-stage tables (scalable mode)",
    family: &X86,
    board: VTD,
    append: &["intel_iommu=on,sm_on"],
};
