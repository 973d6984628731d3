// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The command line.

mod bench;

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use dmasan_lab::{Device, Implementation, MachineKind};

use crate::catalog;
use crate::module_spec::{FileSpec, ModuleSpec};

pub(crate) use bench::{BenchArgs, Stat, Tool};

const EXAMPLES: &str = "\
Examples:
  dmasan demo                                    see the sanitizer catch buggy drivers
  dmasan run --module my_driver.ko -- dmesg      try a driver of your own
  dmesg | dmasan report                          what does this machine's log say?
  dmasan apply --linux ~/linux --check           would it fit my kernel tree?

Exit status: 0 all is well, 1 something was found, 2 it could not run, 130 interrupted.";

/// Finds DMA use-after-free and IOMMU mapping leaks in Linux drivers.
///
/// Boots a Linux kernel that has the sanitizer inside, runs drivers in it, and lists the pages
/// that went back to the page allocator while a device could still reach them. Everything that
/// is needed (compilers, kernel source, kernel) is set up on first use, in a cache folder.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Cli {
    /// Where everything is kept [default: $DMASAN_CACHE, $XDG_CACHE_HOME/dmasan or ~/.cache/dmasan].
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) cache: Option<PathBuf>,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the zoo: drivers with known bugs, and their correct twins.
    Demo(DemoArgs),
    /// Run a driver or a command of yours in a kernel with the sanitizer.
    Run(RunArgs),
    /// Find the reports in a kernel log, and say where in the source that is.
    Report(ReportArgs),
    /// Put the sanitizer into a kernel tree of yours, or write it as a patch series.
    Apply(ApplyArgs),
    /// Build the kernel and stop there.
    Build(BuildArgs),
    /// Measure what the sanitizer costs.
    Bench(BenchArgs),
    /// Give disk space back.
    Clean(CleanArgs),
    /// Say what this machine has, what is missing, and what would be downloaded.
    Doctor(DoctorArgs),
}

/// Reads the name of a machine; the help lists all of them.
fn machine_parser() -> impl TypedValueParser<Value = MachineKind> {
    let names = MachineKind::ALL.map(|kind| PossibleValue::new(kind.name()).help(kind.about()));
    PossibleValuesParser::new(names).try_map(|name| name.parse::<MachineKind>())
}

/// Reads the name of a device.
fn device_parser() -> impl TypedValueParser<Value = Device> {
    PossibleValuesParser::new(Device::ALL.map(Device::name)).try_map(|name| name.parse::<Device>())
}

/// The implementation of the sanitizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sanitizer {
    /// This project's.
    Rust,
    /// The kernel's own, for comparison.
    C,
}

impl From<Sanitizer> for Implementation {
    fn from(sanitizer: Sanitizer) -> Self {
        match sanitizer {
            Sanitizer::Rust => Self::Rust,
            Sanitizer::C => Self::C,
        }
    }
}

/// The implementation of the sanitizer, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SanitizerOrOff {
    /// This project's.
    Rust,
    /// The kernel's own, for comparison.
    C,
    /// This project's, built in and not switched on.
    Off,
}

/// What kernel it is to be.
#[derive(Debug, Args)]
pub(crate) struct KernelArgs {
    /// The machine that it runs on.
    #[arg(long, value_parser = machine_parser(), default_value_t = MachineKind::Uml)]
    pub(crate) machine: MachineKind,
    /// Your own kernel tree; it is copied, not changed [default: Debian's Linux source].
    #[arg(long, value_name = "DIR")]
    pub(crate) linux: Option<PathBuf>,
    /// Further settings for the kernel, as a Kconfig fragment (CONFIG_X=y, one a line); later ones win.
    #[arg(long = "config", value_name = "FILE")]
    pub(crate) configs: Vec<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dmasan demo
  dmasan demo --impl c                 where the kernel's own implementation differs
  dmasan demo --case 7 --format amdv1  one pattern on one page-table format

Each case is booted on its own. A bug is caught if a report follows that names the right pages
and no others; a correct twin must stay silent. Exit status 0: all cases are as expected.")]
pub(crate) struct DemoArgs {
    #[command(flatten)]
    pub(crate) kernel: KernelArgs,
    /// The implementation of the sanitizer.
    #[arg(long = "impl", value_enum, default_value_t = Sanitizer::Rust, value_name = "IMPL")]
    pub(crate) sanitizer: Sanitizer,
    /// Only these patterns, by number.
    #[arg(long = "case", value_name = "N", value_delimiter = ',', value_parser = parse_case)]
    pub(crate) cases: Vec<u32>,
    /// Only this page-table format, or only the device `edu` of a machine that is emulated.
    #[arg(long, value_name = "FORMAT", value_parser = [catalog::FORMATS, &[catalog::EDU]].concat())]
    pub(crate) format: Option<String>,
    /// How long one boot may take, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) timeout: u64,
    /// Print one JSON object instead of tables.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dmasan run -- uname -a
  dmasan run --module my_driver.ko -- sh -c 'echo 1 > /sys/kernel/debug/my_driver/go'
  dmasan run --module src/my_driver:mode=uaf,n=3
  dmasan run --follow --module my_driver.ko -- sh -c 'while sleep 1; do cat /proc/interrupts; done'
  dmasan run --machine x86-vtd --device nvme --append iommu.strict=1 -- dd if=/dev/nvme0n1 of=/dev/null
  dmasan run --module a.ko --no-load --file my-test.sh -- sh /my-test.sh

The guest has busybox. A folder given as a module is built against the lab's kernel, out of tree,
in C or Rust; it is not written to. Modules lie in the guest's /modules and are loaded in the
order given, before the command.

Exit status:
  0  the command succeeded, and there was no report
  1  there were reports
  2  it could not run: a module did not build or load, the kernel panicked, the time was up
  3  the command failed, and there was no report; its own status is in the output")]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) kernel: KernelArgs,
    /// The implementation of the sanitizer.
    #[arg(long = "impl", value_enum, default_value_t = SanitizerOrOff::Rust, value_name = "IMPL")]
    pub(crate) sanitizer: SanitizerOrOff,
    /// A .ko file, or a folder with a module's Kbuild or Makefile, with parameters for it.
    #[arg(long = "module", value_name = "PATH[:NAME=VALUE,…]")]
    pub(crate) modules: Vec<ModuleSpec>,
    /// Leave the loading of the modules to the command.
    #[arg(long, requires = "modules")]
    pub(crate) no_load: bool,
    /// A file for the guest [default place: / and its own name].
    #[arg(long = "file", value_name = "PATH[:GUEST_PATH]")]
    pub(crate) files: Vec<FileSpec>,
    /// Devices for a machine that is emulated.
    #[arg(long = "device", value_name = "DEVICE", value_delimiter = ',', value_parser = device_parser())]
    pub(crate) devices: Vec<Device>,
    /// Words for the kernel's command line.
    #[arg(long, value_name = "CMDLINE", allow_hyphen_values = true)]
    pub(crate) append: Vec<String>,
    /// How long the guest may run, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) timeout: u64,
    /// The guest's memory, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 256, value_parser = clap::value_parser!(u32).range(32..))]
    pub(crate) memory: u32,
    /// Print reports in readable form, in place of the kernel's lines, as soon as they are complete.
    #[arg(long)]
    pub(crate) follow: bool,
    /// Print one JSON object; the console goes to standard error.
    #[arg(long)]
    pub(crate) json: bool,
    /// The command to run in the guest, and its arguments.
    #[arg(last = true, value_name = "CMD", required_unless_present = "modules")]
    pub(crate) command: Vec<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dmesg | dmasan report
  dmasan report serial.log --vmlinux build/              build/vmlinux, and modules below build/
  dmasan report serial.log --vmlinux vmlinux --modules my_driver/ --source ~/linux
  journalctl -k -b -1 | dmasan report --html crash.html
  dmasan report --ktap console.log                       for CI: one failing test for each bug

It finds reports of this sanitizer, of the kernel's own (IOMMU_DEBUG_PAGEALLOC) and of
DMA_API_DEBUG. A log may be of dmesg, journald, /dev/kmsg, a serial line, a CI system or syzkaller,
with or without stamps and caller ids; it may be cut off, and others may have written in between.

Reports of one kind in one function by one driver are one bug. Of each bug it tells what went wrong,
what usually mends it, who mapped the pages and who freed them, and where in the source that is:

  --vmlinux   the file vmlinux of the build folder (or the folder), not the image that is booted
  --modules   a folder; modules are found anywhere below it, by name [default: vmlinux's,
              if it is a build folder]
  --source    the kernel tree or the driver's folder; without it, sources are looked for where they
              were when the kernel was built

Lines need CONFIG_DEBUG_INFO_DWARF_TOOLCHAIN_DEFAULT=y (or _DWARF4, _DWARF5) in the kernel. Without it
functions are still checked for being those of the log. For distributions' kernels there are packages
of debug symbols (on Debian linux-image-…-dbg, vmlinux is in /usr/lib/debug/boot).

Exit status: 0 there are no reports, 1 there are, 2 it could not be read.")]
pub(crate) struct ReportArgs {
    /// The kernel log; - is standard input.
    #[arg(value_name = "FILE", default_value = "-")]
    pub(crate) log: PathBuf,
    /// The kernel that wrote the log, with its symbols, or the build folder that it is in.
    #[arg(long, value_name = "PATH")]
    pub(crate) vmlinux: Option<PathBuf>,
    /// Where its modules are.
    #[arg(long, value_name = "DIR")]
    pub(crate) modules: Option<PathBuf>,
    /// Where its source is, to show lines of it.
    #[arg(long, value_name = "DIR")]
    pub(crate) source: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long, group = "form")]
    pub(crate) json: bool,
    /// Write one page that needs no other files.
    #[arg(long, value_name = "FILE", group = "form")]
    pub(crate) html: Option<PathBuf>,
    /// Print KTAP, version 1: one failing test for each bug, or one that passes.
    #[arg(long, group = "form")]
    pub(crate) ktap: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dmasan apply --linux ~/linux --check            would it fit?
  dmasan apply --linux ~/linux                    put it in (all of it, or nothing)
  dmasan apply --linux ~/linux --out series/      check, then write patches for `git am`

Afterwards, in the tree: switch on IOMMU_DEBUG_PAGEALLOC and choose its Rust implementation, boot
with iommu.debug_pagealloc=1. Exit status 1: it does not fit, and the output says where.")]
pub(crate) struct ApplyArgs {
    /// The kernel tree.
    #[arg(long, value_name = "DIR")]
    pub(crate) linux: PathBuf,
    /// Only say whether it fits; change nothing.
    #[arg(long, conflicts_with = "out")]
    pub(crate) check: bool,
    /// Write the patch series to this folder and leave the tree alone.
    #[arg(long, value_name = "SERIES_DIR")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct BuildArgs {
    #[command(flatten)]
    pub(crate) kernel: KernelArgs,
    /// The implementation of the sanitizer; several build several kernels.
    #[arg(long = "impl", value_enum, default_values_t = [Sanitizer::Rust], value_delimiter = ',', value_name = "IMPL")]
    pub(crate) sanitizers: Vec<Sanitizer>,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CleanArgs {
    /// Remove the compilers and kernel sources too, which take the network to get again.
    #[arg(long)]
    pub(crate) all: bool,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Exit status 0: a demo can run. 1: something must be put right by hand first."
)]
pub(crate) struct DoctorArgs {
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The number of a pattern in the zoo, as `7`, `p7` or `P07`.
fn parse_case(text: &str) -> Result<u32, String> {
    let digits = text.strip_prefix(['p', 'P']).unwrap_or(text);
    let number = digits.parse().map_err(|_| "not a number".to_owned())?;
    if catalog::find(number).is_some() {
        return Ok(number);
    }
    let known: Vec<String> = catalog::CASES
        .iter()
        .map(|case| case.number.to_string())
        .collect();
    Err(format!(
        "the zoo has no such pattern; it has {}",
        known.join(", ")
    ))
}

#[cfg(test)]
mod tests;
