//! The steps of `cargo xtask test`.

mod configs;
mod controls;
mod debug;
pub(crate) mod guest;
mod host;
mod iommufd;
mod kernel_style;
pub(crate) mod kunit;
mod layout;
mod stress;
mod trace;
pub(crate) mod zoo;

use std::fmt;
use std::str::FromStr;
use std::time::Instant;

use anyhow::{anyhow, Result};

use dmasan_lab::MachineKind;

use crate::command::{dmasan, succeeds};
use crate::machines;
use crate::tally::Tally;

pub(crate) use configs::configs;
pub(crate) use debug::{parse as parse_debug, run as debug};
pub(crate) use stress::stress;

/// One step, in the order in which they run: what is cheap and likely to fail comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Fmt,
    Clippy,
    Host,
    Loom,
    Kernels,
    KernelStyle,
    Kunit,
    Zoo,
    Controls,
    Stress,
    Iommufd,
    X86Vtd,
}

impl Step {
    pub(crate) const ALL: [Step; 12] = [
        Step::Fmt,
        Step::Clippy,
        Step::Host,
        Step::Loom,
        Step::Kernels,
        Step::KernelStyle,
        Step::Kunit,
        Step::Zoo,
        Step::Controls,
        Step::Stress,
        Step::Iommufd,
        Step::X86Vtd,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Step::Fmt => "fmt",
            Step::Clippy => "clippy",
            Step::Host => "host",
            Step::Loom => "loom",
            Step::Kernels => "kernels",
            Step::KernelStyle => "kernel-style",
            Step::Kunit => "kunit",
            Step::Zoo => "zoo",
            Step::Controls => "controls",
            Step::Stress => "stress",
            Step::Iommufd => "iommufd",
            Step::X86Vtd => "x86-vtd",
        }
    }

    pub(crate) fn about(self) -> &'static str {
        match self {
            Step::Fmt => "formatting of the host code",
            Step::Clippy => "lints of the host code, where warnings are errors",
            Step::Host => "unit, property, snapshot and documentation tests",
            Step::Loom => "the engine's races, through every interleaving",
            Step::Kernels => "kernels with the sanitizer in Rust and in C",
            Step::KernelStyle => "rustfmt, CLIPPY=1 and checkpatch on the kernel code",
            Step::Kunit => "KUnit: our suite, and the kernel's own of the page tables, with the sanitizer on",
            Step::Zoo => "drivers that are known to be wrong, and their correct twins, with both implementations",
            Step::Controls => "the switches of the sanitizer, and its files in debugfs",
            Step::Stress => "random use of page tables and pages in several threads, right and wrong",
            Step::Iommufd => "the kernel's own iommufd selftests, with the sanitizer on",
            Step::X86Vtd => "a PC under QEMU: a device that writes, a network card, a disk",
        }
    }

    fn run(self) -> Result<Tally> {
        match self {
            Step::Fmt => host::fmt(),
            Step::Clippy => host::clippy(),
            Step::Host => host::tests(),
            Step::Loom => host::loom(),
            Step::Kernels => kernels(),
            Step::KernelStyle => kernel_style::check(),
            Step::Kunit => kunit::run(),
            Step::Zoo => zoo::run(),
            Step::Controls => controls::run(),
            Step::Stress => stress::run(),
            Step::Iommufd => iommufd::run(),
            Step::X86Vtd => machines::daily(MachineKind::X86Vtd),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Step {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Self> {
        Step::ALL
            .into_iter()
            .find(|step| step.name() == name)
            .ok_or_else(|| anyhow!("no such step; `cargo xtask test --list` names them"))
    }
}

/// Runs the steps, all of them if none is named. A step that cannot run has failed.
pub(crate) fn run(only: &[Step]) -> Result<Tally> {
    let mut all = Tally::default();
    for step in Step::ALL {
        if !only.is_empty() && !only.contains(&step) {
            continue;
        }
        println!("== {step}: {}", step.about());
        let start = Instant::now();
        let tally = step.run().unwrap_or_else(|error| {
            let mut tally = Tally::default();
            tally.fail(&format!("{step}: could not run: {error:#}"));
            tally
        });
        println!(
            "== {step}: {} ok, {} not ok, {:.1} s",
            tally.passed,
            tally.failed,
            start.elapsed().as_secs_f64()
        );
        all.add(tally);
    }
    Ok(all)
}

fn kernels() -> Result<Tally> {
    let mut tally = Tally::default();
    for implementation in ["rust", "c"] {
        let built = succeeds(&mut dmasan(&["build", "--impl", implementation]))?;
        tally.check(
            &format!("kernel with the sanitizer in {implementation}"),
            built,
        );
    }
    Ok(tally)
}
