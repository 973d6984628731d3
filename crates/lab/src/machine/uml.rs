// SPDX-License-Identifier: Apache-2.0 OR MIT

//! User-Mode Linux: the kernel as an ordinary process of the calling user.

use std::process::Command;

use super::{Device, Machine, Start};
use crate::process::tethered;
use crate::LabError;

pub(super) struct Uml;

impl Machine for Uml {
    fn name(&self) -> &'static str {
        "uml"
    }

    fn about(&self) -> &'static str {
        "User-Mode Linux: the kernel is a process, no virtualization needed"
    }

    fn family(&self) -> &'static str {
        "uml"
    }

    fn configs(&self) -> &'static [&'static str] {
        &["base.config", "uml.config"]
    }

    fn arch(&self) -> &'static str {
        "um"
    }

    fn goals(&self) -> &'static [&'static str] {
        &["linux", "modules"]
    }

    fn variables(&self) -> &'static [&'static str] {
        &[
            // Where the kernel has frame pointers, `stub_signal_restorer` saves one on the stack right
            // where rt_sigreturn looks for the signal's frame: no process survives its first signal.
            "CFLAGS_stub.o=$(CFLAGS_NO_HARDENING) -fomit-frame-pointer",
            // With the large code model, clang has a section of its own for what begins at zero, and the linker
            // script does not know it: it comes to lie behind `__bss_stop`, where lockdep takes no lock for static.
            "LDS_EXTRA=-DBSS_FIRST_SECTIONS='*(.lbss .lbss.*)'",
        ]
    }

    fn module_variables(&self) -> &'static [&'static str] {
        // C code for a module is made to lie anywhere, beyond all of memory as it happens. Rust is not: it looks
        // for the kernel's data in a table that the module loader does not know, and its calls into the
        // kernel end nowhere if there are 2 GiB of memory or more.
        &["KRUSTFLAGS=-Crelocation-model=static -Ccode-model=large"]
    }

    fn typical_lines(&self) -> u64 {
        1150
    }

    fn image(&self) -> &'static str {
        "linux"
    }

    fn command(&self, start: &Start<'_>) -> Result<Command, LabError> {
        let device = start.devices.first().map(Device::to_string);
        let board = start.board.map(|_| "board".to_owned());
        let monitor = start.monitor.then(|| "monitor".to_owned());
        if let Some(device) = device.or(board).or(monitor) {
            return Err(LabError::NoDevice {
                machine: self.name().to_owned(),
                device,
            });
        }
        if start.icount.is_some() {
            return Err(LabError::NoIcount {
                machine: self.name().to_owned(),
            });
        }
        // A panic ends in abort(): a core file as large as the guest's memory helps nobody.
        let mut command = tethered("sh");
        command
            .args(["-c", "ulimit -c 0; exec \"$@\"", "sh"])
            .arg(start.image);
        command
            .arg(format!(
                "initrd={}",
                start.scratch.join(super::INITRAMFS).display()
            ))
            .arg(format!("mem={}M", start.memory_mib))
            .arg(format!("ncpus={}", start.cpus))
            // Measuring it takes longer than all the rest of the kernel's start. Too much rather than
            // too little: a delay must not be shorter than was asked for.
            .arg("lpj=20000000")
            // Faster than ptrace; `auto` falls back to it.
            .arg("seccomp=auto")
            .args(["con0=null,fd:1", "con=null", "ssl=null"])
            // Its pid file would else be left in the user's home.
            .arg(format!("uml_dir={}", start.scratch.display()))
            .arg("umid=guest")
            .args(start.append);
        // The environment would be handed on to the guest's init.
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", start.scratch)
            .current_dir(start.scratch);
        Ok(command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    use crate::machine::Accel;

    fn command(append: &[String], devices: &[Device]) -> Result<Command, LabError> {
        Uml.command(&Start {
            image: Path::new("/k"),
            append,
            memory_mib: 256,
            cpus: 2,
            devices,
            board: None,
            monitor: false,
            scratch: Path::new("/s"),
            emulator: None,
            accel: Accel::Tcg,
            icount: None,
        })
    }

    #[test]
    fn a_process_has_no_devices() {
        let refused = command(&[], &[Device::Edu]);
        assert!(matches!(refused, Err(LabError::NoDevice { .. })));
    }

    #[test]
    fn the_users_words_come_last_so_that_they_win() {
        let command = command(&["mem=64M".to_owned()], &[]).unwrap();
        let last = command.get_args().last().unwrap();
        assert_eq!(last, "mem=64M");
    }
}
