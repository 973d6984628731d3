// SPDX-License-Identifier: Apache-2.0 OR MIT

//! `dmasan`: runs Linux drivers under the IOMMU mapping sanitizer.
//!
//! Standard output carries the results, standard error everything else. Each sub-command is a
//! module with a `run` function that returns how the program ends.

mod apply;
mod bench;
mod build;
mod catalog;
mod clean;
mod cli;
mod demo;
mod doctor;
mod exit;
mod interrupt;
mod module_spec;
mod report;
mod run;
mod setup;
mod table;
mod ui;

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::exit::Exit;

fn main() -> std::process::ExitCode {
    let cli = Cli::parse();
    let ended = interrupt::install().and_then(|()| match &cli.command {
        Command::Demo(args) => demo::run(&cli, args),
        Command::Run(args) => run::run(&cli, args),
        Command::Report(args) => report::run(args),
        Command::Apply(args) => apply::run(args),
        Command::Build(args) => build::run(&cli, args),
        Command::Bench(args) => bench::run(&cli, args),
        Command::Clean(args) => clean::run(&cli, args),
        Command::Doctor(args) => doctor::run(&cli, args),
    });
    ended
        .unwrap_or_else(|error| Exit::from_error(&error))
        .into()
}
