// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Machines that boot a kernel. A further one is a file beside `x86_vtd.rs` and its lines in
//! [`MachineKind`].

mod accel;
mod arm64;
mod arm64_smmuv3;
mod arm64_smmuv3_16k;
mod arm64_smmuv3_64k;
mod device;
mod guest;
mod initramfs;
mod qemu;
mod riscv64;
mod riscv64_iommu;
mod uml;
mod x86;
mod x86_amdvi;
mod x86_virtio;
mod x86_vtd;
mod x86_vtd_first;

use std::path::Path;
use std::process::Command;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::emulator::Emulator;
use crate::kernel::UnknownName;
use crate::processor::Processor;
use crate::LabError;

pub(crate) use accel::Accel;
pub use device::Device;
pub(crate) use guest::{boot, Ground};
pub use guest::{Board, Boot, Guest, GuestModule};
pub(crate) use initramfs::Busybox;

/// The name of the guest's user space in its scratch folder.
const INITRAMFS: &str = "initramfs";

/// The kinds of machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum MachineKind {
    /// User-Mode Linux: the kernel is a process.
    Uml,
    /// A PC with Intel's IOMMU.
    X86Vtd,
    /// The same with first-stage tables.
    X86VtdFirst,
    /// A PC with AMD's IOMMU.
    X86Amdvi,
    /// A PC with virtio-iommu.
    X86Virtio,
    /// A board with Arm's IOMMU, pages of 4K.
    #[serde(rename = "arm64-smmuv3")]
    Arm64Smmuv3,
    /// The same with pages of 16K.
    #[serde(rename = "arm64-smmuv3-16k")]
    Arm64Smmuv3Pages16k,
    /// The same with pages of 64K.
    #[serde(rename = "arm64-smmuv3-64k")]
    Arm64Smmuv3Pages64k,
    /// A board with RISC-V's IOMMU.
    #[serde(rename = "riscv64-iommu")]
    Riscv64Iommu,
}

impl MachineKind {
    /// All of them.
    pub const ALL: [MachineKind; 9] = [
        MachineKind::Uml,
        MachineKind::X86Vtd,
        MachineKind::X86VtdFirst,
        MachineKind::X86Amdvi,
        MachineKind::X86Virtio,
        MachineKind::Arm64Smmuv3,
        MachineKind::Arm64Smmuv3Pages16k,
        MachineKind::Arm64Smmuv3Pages64k,
        MachineKind::Riscv64Iommu,
    ];

    /// The name by which users choose it.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.machine().name()
    }

    /// What it is, in a few words.
    #[must_use]
    pub fn about(self) -> &'static str {
        self.machine().about()
    }

    /// Whether it can be given a device.
    #[must_use]
    pub fn takes_devices(self) -> bool {
        self.machine().processor().is_some()
    }

    /// Whether [`Lab::program`](crate::Lab::program) can compile programs for it.
    #[must_use]
    pub fn runs_programs(self) -> bool {
        self.machine().processor().is_none_or(Processor::is_native)
    }

    /// Whether what drivers map for devices goes through its IOMMU.
    #[must_use]
    pub fn translates_dma(self) -> bool {
        self.machine().translates_dma()
    }

    /// Whether it can be given this one.
    #[must_use]
    pub fn takes(self, device: Device) -> bool {
        self.machine().takes(device)
    }

    pub(crate) fn machine(self) -> &'static dyn Machine {
        match self {
            MachineKind::Uml => &uml::Uml,
            MachineKind::X86Vtd => &x86_vtd::X86_VTD,
            MachineKind::X86VtdFirst => &x86_vtd_first::X86_VTD_FIRST,
            MachineKind::X86Amdvi => &x86_amdvi::X86_AMDVI,
            MachineKind::X86Virtio => &x86_virtio::X86_VIRTIO,
            MachineKind::Arm64Smmuv3 => &arm64_smmuv3::ARM64_SMMUV3,
            MachineKind::Arm64Smmuv3Pages16k => &arm64_smmuv3_16k::ARM64_SMMUV3_16K,
            MachineKind::Arm64Smmuv3Pages64k => &arm64_smmuv3_64k::ARM64_SMMUV3_64K,
            MachineKind::Riscv64Iommu => &riscv64_iommu::RISCV64_IOMMU,
        }
    }
}

impl std::fmt::Display for MachineKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for MachineKind {
    type Err = UnknownName;

    fn from_str(word: &str) -> Result<Self, UnknownName> {
        UnknownName::look_up(word, &MachineKind::ALL)
    }
}

/// What the lab has to know about a kind of machine.
pub(crate) trait Machine: Sync {
    /// The name by which users choose it.
    fn name(&self) -> &'static str;

    /// What it is, in a few words.
    fn about(&self) -> &'static str;

    /// The name of its kernel: machines of one family boot the same one.
    fn family(&self) -> &'static str;

    /// The embedded fragments of its kernel's configuration; later ones win.
    fn configs(&self) -> &'static [&'static str];

    /// `ARCH=` of the kernel's make.
    fn arch(&self) -> &'static str;

    /// What the kernel's make is to build.
    fn goals(&self) -> &'static [&'static str];

    /// Further variables for it.
    fn variables(&self) -> &'static [&'static str] {
        &[]
    }

    /// Further variables for making a module out of the tree.
    fn module_variables(&self) -> &'static [&'static str] {
        &[]
    }

    /// Lines that a first build prints, for the progress bar only.
    fn typical_lines(&self) -> u64;

    /// What of that is booted, relative to the build folder.
    fn image(&self) -> &'static str;

    /// The processor that it is emulated with; none if it is a process.
    fn processor(&self) -> Option<&'static Processor> {
        None
    }

    /// Whether the DMA API goes through the IOMMU.
    fn translates_dma(&self) -> bool {
        false
    }

    /// Whether it has a place for the device.
    fn takes(&self, _device: Device) -> bool {
        false
    }

    /// The command that boots. It must write the console to its standard output, never read,
    /// and end when the guest powers off or panics.
    fn command(&self, start: &Start<'_>) -> Result<Command, LabError>;
}

/// What a machine is started with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Start<'a> {
    pub(crate) image: &'a Path,
    /// Words for the kernel's command line.
    pub(crate) append: &'a [String],
    pub(crate) memory_mib: u32,
    pub(crate) cpus: u32,
    pub(crate) devices: &'a [Device],
    pub(crate) board: Option<&'a Board>,
    pub(crate) monitor: bool,
    /// A folder that has the [`INITRAMFS`] in it, also for files of the machine's own; removed
    /// afterwards.
    pub(crate) scratch: &'a Path,
    /// There is one if the machine needs one.
    pub(crate) emulator: Option<&'a Emulator>,
    pub(crate) accel: Accel,
    /// See [`Guest::icount`].
    pub(crate) icount: Option<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_are_read_and_stored_by_the_names_that_they_say() {
        for kind in MachineKind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
            let json = serde_json::to_string(&kind).unwrap();
            assert_eq!(json, format!("\"{kind}\""));
        }
    }

    #[test]
    fn machines_of_one_family_have_one_kernel() {
        for a in MachineKind::ALL.map(MachineKind::machine) {
            for b in MachineKind::ALL.map(MachineKind::machine) {
                let kernel = |machine: &dyn Machine| {
                    (
                        machine.configs(),
                        machine.arch(),
                        machine.goals(),
                        machine.image(),
                    )
                };
                assert_eq!(a.family() == b.family(), kernel(a) == kernel(b));
            }
        }
    }
}
