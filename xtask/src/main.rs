//! The project's chores. `cargo xtask test` is what must pass before a change lands.

mod command;
mod instructions;
mod ktap;
mod machines;
mod nops;
mod paths;
mod prove;
mod steps;
mod tally;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use dmasan_lab::MachineKind;

use crate::machines::{Machines, Suite};
use crate::steps::Step;
use crate::tally::Tally;

#[derive(Parser)]
#[command(name = "cargo xtask", about)]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Everything that must hold before a change lands; the last line is `N passed, N failed`
    Test {
        /// Only these steps (see --list)
        #[arg(long, value_name = "STEP")]
        only: Vec<Step>,
        /// Instead of the steps: everything that runs on these machines, or on `all`
        #[arg(
            long,
            value_name = "MACHINE",
            value_delimiter = ',',
            conflicts_with = "only"
        )]
        machines: Vec<Machines>,
        /// On these machines, only what is so called in the table
        #[arg(
            long,
            value_name = "SUITE",
            value_delimiter = ',',
            requires = "machines"
        )]
        suites: Vec<Suite>,
        /// Name the steps and stop
        #[arg(long)]
        list: bool,
    },
    /// Build the kernel in the configurations that the tests do not build: the sanitizer left out, Rust left out, page
    /// tables as modules, our files of allmodconfig. Each takes minutes
    Configs {
        /// Only those whose names have one of these words in them
        #[arg(value_name = "WORD")]
        words: Vec<String>,
    },
    /// Use page tables and pages at random in a booted kernel: two thirds of the time rightly, the rest wrongly.
    ///
    /// With --with, in a kernel that watches itself, and KUnit, the zoo and the selftests of iommufd as well; on a
    /// machine under QEMU, KUnit and real drivers.
    Stress {
        /// How long, in seconds
        #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u64).range(3..=1_000_000))]
        seconds: u64,
        /// Where chance begins
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// In a kernel with this fragment of linux/configs/debug, or with several of them put together
        #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = steps::parse_debug)]
        with: Vec<String>,
        /// With --with, on this machine
        #[arg(long, value_name = "MACHINE", default_value_t = MachineKind::Uml, requires = "with")]
        machine: MachineKind,
    },
    /// Look into kernels for x86-64: where the sanitizer is built in and off, there is a nop and nothing else
    Nops,
    /// Count the instructions that the engine takes, with valgrind
    Instructions,
    /// Count the instructions that the hooks take in a booted kernel, with gdb: those of this sanitizer, and of the
    /// kernel's own
    Paths,
    /// Run the engine's tests under miri, on a machine that has it
    Miri,
    /// Run the engine's proofs under kani, on a machine that has it
    Kani,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().chore {
        Chore::Test { list: true, .. } => {
            for step in Step::ALL {
                println!("{:<14} {}", step.name(), step.about());
            }
            return ExitCode::SUCCESS;
        }
        Chore::Test {
            machines, suites, ..
        } if !machines.is_empty() => machines::run(&machines, &suites),
        Chore::Test { only, .. } => steps::run(&only),
        Chore::Nops => nops::compare(),
        Chore::Configs { words } => steps::configs(&words),
        Chore::Stress {
            seconds,
            seed,
            with,
            machine: _,
        } if with.is_empty() => steps::stress(seconds, seed),
        Chore::Stress {
            seconds,
            seed,
            with,
            machine,
        } => steps::debug(machine, &with, seconds, seed),
        Chore::Instructions => instructions::count(),
        Chore::Paths => paths::count(),
        Chore::Miri => prove::miri(),
        Chore::Kani => prove::kani(),
    };
    match outcome {
        Ok(tally) => {
            finish(&tally);
            ExitCode::from(u8::from(!tally.is_good()))
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn finish(tally: &Tally) {
    for failure in &tally.failures {
        println!("FAILED {failure}");
    }
    for what in &tally.missing {
        println!("NOT RUN {what}");
    }
    match tally.missing.len() {
        0 => println!("{} passed, {} failed", tally.passed, tally.failed),
        n => println!(
            "{} passed, {} failed, {n} not run",
            tally.passed, tally.failed
        ),
    }
}
