// SPDX-License-Identifier: Apache-2.0 OR MIT

//! `dmasan run`: the user's own driver or command.

mod outcome;

use std::io::Write;
use std::time::Duration;

use anyhow::Context;
use dmasan_lab::{Guest, GuestModule, Implementation, Kernel, Lab};
use dmasan_report::Log;

use crate::cli::{Cli, RunArgs, SanitizerOrOff};
use crate::exit::Exit;
use crate::setup::{self, sanitizer_on};

use outcome::Outcome;

pub(crate) fn run(cli: &Cli, args: &RunArgs) -> anyhow::Result<Exit> {
    let (lab, _ui) = setup::lab(cli)?;
    let implementation = match args.sanitizer {
        SanitizerOrOff::Rust | SanitizerOrOff::Off => Implementation::Rust,
        SanitizerOrOff::C => Implementation::C,
    };
    let kernel = setup::kernel(&lab, &args.kernel, implementation)?;
    let guest = guest(&lab, &kernel, args)?;

    let mut broken = None;
    let mut show = |line: &str| {
        let shown = if args.json {
            writeln!(std::io::stderr().lock(), "{line}")
        } else {
            writeln!(std::io::stdout().lock(), "{line}")
        };
        if let Err(error) = shown {
            // Nobody reads on: the guest need not go on either.
            if broken.is_none() {
                broken = Some(error);
                dmasan_lab::interrupt();
            }
        }
    };
    let booted = lab.boot(&kernel, &guest, &mut show);
    if let Some(error) = broken {
        return Err(error).context("cannot show the console");
    }
    let boot = booted.context("cannot boot")?;
    let log = Log::parse(&boot.console);
    let outcome = Outcome::new(&kernel, args.sanitizer, &boot, log.reports);
    if args.json {
        setup::print_json(&outcome)?;
    } else {
        setup::print(&outcome.to_string())?;
    }
    Ok(outcome.exit_status())
}

fn guest(lab: &Lab, kernel: &Kernel, args: &RunArgs) -> anyhow::Result<Guest> {
    let mut modules = Vec::new();
    for spec in &args.modules {
        let built = lab
            .module(kernel, &spec.path)
            .with_context(|| format!("cannot use the module {}", spec.path.display()))?;
        let params = &spec.params;
        modules.extend(built.into_iter().map(|path| GuestModule {
            path,
            params: params.clone(),
        }));
    }
    let on: &[&str] = match args.sanitizer {
        SanitizerOrOff::Rust | SanitizerOrOff::C => sanitizer_on(kernel.implementation),
        SanitizerOrOff::Off => &[],
    };
    let words = args
        .append
        .iter()
        .flat_map(|words| words.split_whitespace());
    Ok(Guest {
        modules,
        load: !args.no_load,
        command: args.command.clone(),
        files: args
            .files
            .iter()
            .map(|file| (file.host.clone(), file.guest.clone()))
            .collect(),
        append: on.iter().copied().chain(words).map(str::to_owned).collect(),
        memory_mib: args.memory,
        devices: args.devices.clone(),
        timeout: Duration::from_secs(args.timeout),
        ..Guest::default()
    })
}
