// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Machines under QEMU. What tells them apart is data; each is a file of its own.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Accel, Device, Machine, Start};
use crate::processor::Processor;
use crate::LabError;

/// A machine under QEMU.
pub(super) struct Qemu {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) family: &'static Family,
    /// QEMU's arguments: the board and its IOMMU.
    pub(super) board: &'static [&'static str],
    /// Words for the kernel's command line.
    pub(super) append: &'static [&'static str],
}

/// What machines with the same kernel have in common.
pub(super) struct Family {
    pub(super) name: &'static str,
    /// `ARCH=` of the kernel's make.
    pub(super) arch: &'static str,
    pub(super) configs: &'static [&'static str],
    pub(super) goals: &'static [&'static str],
    pub(super) image: &'static str,
    pub(super) processor: &'static Processor,
    /// Which model of it, emulated; with KVM it is the machine's own.
    pub(super) cpu: &'static str,
    /// The serial console.
    pub(super) console: &'static str,
    /// Words for the kernel's command line.
    pub(super) append: &'static [&'static str],
    /// Whether modules of memory can be taken out.
    pub(super) has_dimms: bool,
    /// Whether what drivers map goes through the IOMMU (`CONFIG_IOMMU_DMA`).
    pub(super) translates_dma: bool,
}

impl Machine for Qemu {
    fn name(&self) -> &'static str {
        self.name
    }

    fn about(&self) -> &'static str {
        self.about
    }

    fn family(&self) -> &'static str {
        self.family.name
    }

    fn configs(&self) -> &'static [&'static str] {
        self.family.configs
    }

    fn arch(&self) -> &'static str {
        self.family.arch
    }

    fn goals(&self) -> &'static [&'static str] {
        self.family.goals
    }

    fn typical_lines(&self) -> u64 {
        // Those of PCs and of Arm boards are much the same.
        1550
    }

    fn image(&self) -> &'static str {
        self.family.image
    }

    fn processor(&self) -> Option<&'static Processor> {
        Some(self.family.processor)
    }

    fn translates_dma(&self) -> bool {
        self.family.translates_dma
    }

    fn takes(&self, device: Device) -> bool {
        device != Device::Dimm || self.family.has_dimms
    }

    fn command(&self, start: &Start<'_>) -> Result<Command, LabError> {
        let program = self.family.processor.emulator;
        let emulator = start.emulator.ok_or_else(|| LabError::MissingTool {
            tool: program.to_owned(),
            fix: format!("dmasan build --machine {}", self.name),
        })?;
        show(start.image, &start.scratch.join("kernel"))?;

        let mut arguments: Vec<String> = [
            // Neither the user's settings nor devices that nobody has asked for.
            "-no-user-config",
            "-nodefaults",
            "-display",
            "none",
            // The console; nothing is ever typed, and Ctrl-C is not the guest's.
            "-chardev",
            "stdio,id=console,signal=off",
            "-serial",
            "chardev:console",
            // A kernel that panics starts anew, which ends the emulator.
            "-no-reboot",
            "-kernel",
            "kernel",
            "-initrd",
            super::INITRAMFS,
        ]
        .map(str::to_owned)
        .to_vec();
        let cpu = match start.accel {
            Accel::Kvm => "host",
            Accel::Tcg => self.family.cpu,
        };
        let console = format!("console={}", self.family.console);
        let mut words = vec![console.as_str(), "panic=-1"];
        words.extend(self.family.append.iter().chain(self.append));
        words.extend(start.append.iter().map(String::as_str));
        for (option, value) in [
            ("-accel", start.accel.name().to_owned()),
            ("-cpu", cpu.to_owned()),
            ("-smp", start.cpus.to_string()),
            ("-m", format!("{}M", start.memory_mib)),
            ("-append", words.join(" ")),
        ] {
            arguments.extend([option.to_owned(), value]);
        }
        if let Some(lg2) = start.icount {
            // Where the guest has nothing to do, its clock goes on to when it has.
            let icount = format!("shift={lg2},sleep=off,align=off");
            arguments.extend(["-icount".to_owned(), icount]);
        }
        if start.monitor {
            // Both ends of the socket are the emulator's.
            let ends = [
                ("-chardev", "socket,id=monitor,path=qmp,server=on,wait=off"),
                ("-mon", "chardev=monitor,mode=control"),
                ("-chardev", "socket,id=line,path=qmp"),
                ("-serial", "chardev:line"),
            ];
            arguments.extend(
                ends.iter()
                    .flat_map(|end| [end.0, end.1].map(str::to_owned)),
            );
        }
        arguments.extend(self.board.iter().map(|&word| word.to_owned()));
        if let Some(board) = start.board {
            show(&board.device_tree, &start.scratch.join("board"))?;
            arguments.extend(["-dtb".to_owned(), "board".to_owned()]);
            arguments.extend(board.arguments.iter().cloned());
        }
        for (number, device) in start.devices.iter().enumerate() {
            if !self.takes(*device) {
                return Err(LabError::NoDevice {
                    machine: self.name.to_owned(),
                    device: device.to_string(),
                });
            }
            arguments.extend(device.arguments(number, start.scratch)?);
        }
        Ok(emulator.command(program, &arguments, start.scratch))
    }
}

/// Puts a file where the emulator sees it: in the one folder.
fn show(file: &Path, path: &Path) -> Result<(), LabError> {
    fs::hard_link(file, path)
        .or_else(|_| fs::copy(file, path).map(drop))
        .map_err(LabError::io("copy what is booted to", path))
}
