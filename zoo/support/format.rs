// SPDX-License-Identifier: GPL-2.0-only

//! The page table formats that the cases run on.

use crate::catalog;

/// A page table format of the kernel.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// AMD IOMMU v1: up to six levels that grow at run time, and leaves of any power of two.
    Amdv1,
    /// Intel VT-d second stage.
    Vtdss,
    /// RISC-V Sv48, with 64K leaves by way of Svnapot.
    Riscv64,
    /// The CPU's own x86-64 format, as used by first stage translation.
    X86_64,
    /// Arm's long descriptors, as in an SMMUv3. An unmap that would cut a leaf is refused.
    ArmLpae,
    /// Arm's short descriptors: two levels, 34 bits of IOVA, and no leaf is cut either.
    ArmV7s,
}

impl Format {
    /// All formats, in the order of [`catalog::FORMATS`].
    pub(crate) const ALL: [Self; 6] = [
        Self::Amdv1,
        Self::Vtdss,
        Self::Riscv64,
        Self::X86_64,
        Self::ArmLpae,
        Self::ArmV7s,
    ];

    /// The format with this index in [`catalog::FORMATS`], if there is one.
    pub(crate) fn from_index(index: i32) -> Option<Self> {
        Self::ALL.get(usize::try_from(index).ok()?).copied()
    }

    /// The name in the log.
    pub(crate) fn name(self) -> &'static str {
        const { assert!(catalog::FORMATS.len() == Format::ALL.len()) };
        catalog::FORMATS[self as usize]
    }
}
