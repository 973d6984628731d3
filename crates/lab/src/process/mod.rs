// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Running other programs: line by line, with a time limit, never left behind.

mod job;
mod stream;

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

pub(crate) use job::Job;
pub(crate) use stream::{stream, stream_to_file, Then};

/// A command whose program dies with the thread that starts it, even where that is killed.
pub(crate) fn tethered(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// Runs a program that answers in a few lines; its standard output if it succeeded.
pub(crate) fn answer(command: &mut Command) -> Option<String> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether `program` is in the search path, or in the folders of the system's own programs.
pub(crate) fn find_program(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}
