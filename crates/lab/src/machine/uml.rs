// SPDX-License-Identifier: Apache-2.0 OR MIT

//! User-Mode Linux: the kernel as an ordinary process of the calling user.

use std::process::Command;

use super::{Machine, Start};
use crate::process::tethered;

pub(super) struct Uml;

impl Machine for Uml {
    fn config(&self) -> &'static str {
        "uml.config"
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

    fn image(&self) -> &'static str {
        "linux"
    }

    fn command(&self, start: &Start<'_>) -> Command {
        // A panic ends in abort(): a core file as large as the guest's memory helps nobody.
        let mut command = tethered("sh");
        command
            .args(["-c", "ulimit -c 0; exec \"$@\"", "sh"])
            .arg(start.image);
        command
            .arg(format!("initrd={}", start.initramfs.display()))
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
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn the_users_words_come_last_so_that_they_win() {
        let append = ["mem=64M".to_owned()];
        let command = Uml.command(&Start {
            image: Path::new("/k"),
            initramfs: Path::new("/i"),
            append: &append,
            memory_mib: 256,
            cpus: 2,
            scratch: Path::new("/s"),
        });
        let last = command.get_args().last().unwrap();
        assert_eq!(last, "mem=64M");
    }
}
