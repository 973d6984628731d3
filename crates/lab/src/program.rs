// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Programs in the kernel's tree for a guest's user space: its tools and its selftests.

use std::path::Path;

use crate::cache::Cache;
use crate::kernel::Kernel;
use crate::process::Job;
use crate::root::{Bind, Root};
use crate::LabError;

/// For the message when the disk is full.
const PROGRAM_MIB: u64 = 50;

/// Runs a shell script that compiles, in the build root.
pub(crate) fn build(
    cache: &Cache,
    root: &Root,
    kernel: &Kernel,
    script: &str,
    result: &Path,
) -> Result<(), LabError> {
    let machine = kernel.machine.machine();
    if let (false, Some(processor)) = (kernel.machine.runs_programs(), machine.processor()) {
        return Err(LabError::ForeignProgram {
            processor: processor.name.to_owned(),
        });
    }
    let script = format!(
        "set -e; make -s -C /src O=/out ARCH={} headers\n{script}",
        machine.arch()
    );
    let binds = [
        Bind::new(&kernel.tree, "/src"),
        Bind::new(&kernel.build_dir, "/out"),
        Bind::new(result, "/result"),
    ];
    let log = cache.new_log("program")?;
    Job {
        what: "compiling a program of the kernel's tree",
        command: root.command(&binds, "/", &["sh", "-c", &script]),
        log: &log,
        needs_mib: PROGRAM_MIB,
    }
    .run(&mut |_| {})
}
