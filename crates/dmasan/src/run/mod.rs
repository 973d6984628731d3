// SPDX-License-Identifier: Apache-2.0 OR MIT

//! `dmasan run`: the user's own driver or command.

mod console;
mod outcome;
mod show;
mod watch;

use std::time::Duration;

use anyhow::Context;
use dmasan_lab::{Guest, GuestModule, Implementation, Kernel, Lab};

use crate::cli::{Cli, RunArgs, SanitizerOrOff};
use crate::exit::{is_interrupted, Exit};
use crate::report::GuestSymbols;
use crate::setup::{self, sanitizer_on};

use outcome::Outcome;
use watch::{Out, Stderr, Stdout, Wanted, Watch};

pub(crate) fn run(cli: &Cli, args: &RunArgs) -> anyhow::Result<Exit> {
    let (lab, _ui) = setup::lab(cli)?;
    let implementation = match args.sanitizer {
        SanitizerOrOff::Rust | SanitizerOrOff::Off => Implementation::Rust,
        SanitizerOrOff::C => Implementation::C,
    };
    let kernel = setup::kernel(&lab, &args.kernel, implementation)?;
    let guest = guest(&lab, &kernel, args)?;

    let mut symbols = GuestSymbols::of_guest(&kernel, &guest);
    let mut out: Box<dyn Out> = if args.json {
        Box::new(Stderr)
    } else {
        Box::new(Stdout)
    };
    let wanted = Wanted {
        follow: args.follow,
        all: args.json,
    };
    let mut watch = Watch::new(&mut *out, &mut symbols, wanted);
    let booted = console::boot(&lab, &kernel, &guest, &mut watch);
    let found = watch.finish().context("cannot show the console");
    let boot = match (booted, &found) {
        (Err(error), Ok(found)) if args.follow && is_interrupted(&error) => {
            show::so_far(&mut *out, &found.bugs)?;
            return Err(error);
        }
        (booted, _) => booted?,
    };
    let mut found = found?;
    found
        .reports
        .iter_mut()
        .for_each(|report| symbols.resolve(report));
    let hints = match found.bugs.reports() {
        0 => Vec::new(),
        _ => symbols.hints(),
    };
    let outcome = Outcome::new(&kernel, args.sanitizer, &boot, found, hints);
    if args.json {
        setup::print_json(&outcome)?;
    } else {
        show::show(&mut *out, &outcome, args.follow, &mut symbols)?;
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
