// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Where kernels are built: with the machine's own tools, or in the build root.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::native::Tools;
use crate::process::tethered;
use crate::root::{Bind, Root};

/// A place with a compiler that can build a Rust kernel.
#[derive(Debug, Clone)]
pub(crate) enum World {
    /// The machine itself.
    Machine(Tools),
    /// The build root.
    Root(Root),
}

/// What a call of the kernel's `make` is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Make<'a> {
    pub(crate) tree: &'a Path,
    pub(crate) out: &'a Path,
    /// The folder of an out-of-tree module.
    pub(crate) module: Option<&'a Path>,
    pub(crate) arch: &'a str,
}

impl World {
    /// A name that changes with the toolchain.
    pub(crate) fn id(&self) -> String {
        match self {
            World::Machine(tools) => tools.id(),
            World::Root(root) => root.id(),
        }
    }

    /// A statically linked busybox for the guests.
    pub(crate) fn busybox(&self) -> PathBuf {
        match self {
            World::Machine(tools) => tools.busybox.clone(),
            World::Root(root) => root.busybox(),
        }
    }

    /// The kernel's `make` with `arguments`. In them and in what make prints, `out` has the name
    /// that [`World::out_name`] says.
    pub(crate) fn make(&self, make: Make<'_>, arguments: &[&str]) -> Command {
        let jobs = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let mut command_line = vec![
            format!("-j{jobs}"),
            format!("ARCH={}", make.arch),
            "LLVM=1".to_owned(),
        ];
        match self {
            World::Root(root) => {
                let mut binds = vec![Bind::new(make.tree, "/src"), Bind::new(make.out, "/out")];
                command_line.extend(["-C/src".to_owned(), "O=/out".to_owned()]);
                if let Some(module) = make.module {
                    binds.push(Bind::new(module, "/mod"));
                    command_line.push("M=/mod".to_owned());
                }
                let mut argv = vec!["make"];
                argv.extend(command_line.iter().map(String::as_str));
                argv.extend(arguments);
                root.command(&binds, "/", &argv)
            }
            World::Machine(_) => {
                let mut command = tethered("make");
                command
                    .args(&command_line)
                    .arg("-C")
                    .arg(make.tree)
                    .arg(format!("O={}", make.out.display()));
                if let Some(module) = make.module {
                    command.arg(format!("M={}", module.display()));
                }
                command.args(arguments);
                // The user's environment must not reach the build, except where its tools are.
                let kept = [
                    "PATH",
                    "HOME",
                    "RUSTUP_HOME",
                    "CARGO_HOME",
                    "RUSTUP_TOOLCHAIN",
                    "RUST_LIB_SRC",
                    "LIBCLANG_PATH",
                ]
                .map(|name| (name, std::env::var_os(name)));
                command
                    .env_clear()
                    .envs(crate::root::ENVIRONMENT.iter().copied());
                command.envs(
                    kept.into_iter()
                        .filter_map(|(name, value)| Some((name, value?))),
                );
                command
            }
        }
    }

    /// What the build folder is called for `make`.
    pub(crate) fn out_name(&self, out: &Path) -> String {
        match self {
            World::Machine(_) => out.display().to_string(),
            World::Root(_) => "/out".to_owned(),
        }
    }
}
