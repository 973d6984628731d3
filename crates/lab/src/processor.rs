// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Processors that machines are emulated with: which emulator there is for them, and where a guest's programs come
//! from.

use std::env::consts::ARCH;

use crate::root::Kind;

/// A processor, and what others call it.
#[derive(Debug)]
pub(crate) struct Processor {
    /// The name that Rust has for it.
    pub(crate) name: &'static str,
    /// The emulator.
    pub(crate) emulator: &'static str,
    /// The root that has it.
    pub(crate) qemu: Kind,
    /// The root that has programs for it.
    programs: Kind,
}

pub(crate) static X86_64: Processor = Processor {
    name: "x86_64",
    emulator: "qemu-system-x86_64",
    qemu: Kind::qemu(
        "QEMU",
        "qemu",
        &["qemu-system-x86"],
        &["qemu-system-x86", "seabios"],
        &["usr/bin/qemu-system-x86_64"],
    ),
    programs: Kind::busybox("busybox for amd64", "busybox-amd64", "amd64"),
};

pub(crate) static AARCH64: Processor = Processor {
    name: "aarch64",
    emulator: "qemu-system-aarch64",
    qemu: Kind::qemu(
        "QEMU for Arm",
        "qemu-arm",
        &["qemu-system-arm"],
        &["qemu-system-arm"],
        &["usr/bin/qemu-system-aarch64"],
    ),
    programs: Kind::busybox("busybox for arm64", "busybox-arm64", "arm64"),
};

pub(crate) static RISCV64: Processor = Processor {
    name: "riscv64",
    emulator: "qemu-system-riscv64",
    qemu: Kind::qemu(
        "QEMU for RISC-V",
        "qemu-riscv",
        &["qemu-system-riscv"],
        &["opensbi", "qemu-system-riscv"],
        &["usr/bin/qemu-system-riscv64"],
    ),
    programs: Kind::busybox("busybox for riscv64", "busybox-riscv64", "riscv64"),
};

impl Processor {
    /// Whether it is that of the machine.
    pub(crate) fn is_native(&self) -> bool {
        self.name == ARCH
    }

    /// What its roots take on disk, in MiB.
    pub(crate) fn installed_mib(&self) -> u64 {
        let programs = self.programs().map_or(0, |kind| kind.installed_mib);
        self.qemu.installed_mib + programs
    }

    /// The root with programs for its guests, if they cannot have the machine's own.
    pub(crate) fn programs(&self) -> Option<&Kind> {
        (!self.is_native()).then_some(&self.programs)
    }
}
