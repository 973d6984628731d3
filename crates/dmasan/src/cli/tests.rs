// SPDX-License-Identifier: Apache-2.0 OR MIT

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use super::*;
use crate::bench::{Impl, Size};

fn parse(line: &str) -> Result<Command, ErrorKind> {
    let words = std::iter::once("dmasan").chain(line.split(' '));
    Cli::try_parse_from(words)
        .map(|cli| cli.command)
        .map_err(|error| error.kind())
}

fn parse_run(line: &str) -> RunArgs {
    match parse(line) {
        Ok(Command::Run(args)) => args,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn the_definition_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn run_takes_modules_with_parameters_and_a_command_with_options() {
    let args = parse_run("run --module a.ko:mode=uaf,n=3 --module dir --append x=1 -- ls -l /");
    assert_eq!(args.modules[0].params, "mode=uaf n=3");
    assert_eq!(args.modules[1].path, PathBuf::from("dir"));
    assert_eq!(args.command, ["ls", "-l", "/"]);
    assert_eq!((args.timeout, args.memory, args.no_load), (120, 256, false));
    assert!(!args.follow && parse_run("run --follow --json -- ls -f").follow);
}

#[test]
fn run_needs_something_to_run() {
    assert_eq!(
        parse("run").unwrap_err(),
        ErrorKind::MissingRequiredArgument
    );
    assert!(parse("run --module a.ko").is_ok());
    assert_eq!(
        parse("run --no-load -- ls").unwrap_err(),
        ErrorKind::MissingRequiredArgument
    );
}

#[test]
fn off_is_for_run_only() {
    assert_eq!(
        parse_run("run --impl off -- ls").sanitizer,
        SanitizerOrOff::Off
    );
    assert_eq!(
        parse("demo --impl off").unwrap_err(),
        ErrorKind::InvalidValue
    );
}

#[test]
fn bench_compares_all_unless_told_otherwise() {
    let parse_bench = |line| match parse(line) {
        Ok(Command::Bench(args)) => args,
        other => panic!("{line}: {other:?}"),
    };
    let args = parse_bench("bench");
    assert_eq!((args.impls.len(), args.threads.len()), (3, 0));
    assert_eq!((args.formats, args.save), (vec!["amdv1".to_owned()], None));

    let args = parse_bench("bench --impls off,rust --sizes 4k,2M --save --json");
    let off_and_rust = [Impl::Off, Impl::Rust];
    assert_eq!(args.impls, off_and_rust);
    assert_eq!(args.sizes, [Size(4 << 10), Size(2 << 20)]);
    assert_eq!(args.save, Some(PathBuf::from("bench/results")));
    for wrong in [
        "bench --sizes 3M",
        "bench --threads 9",
        "bench --formats arm",
    ] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn demo_knows_the_cases_and_formats_of_the_zoo() {
    let Ok(Command::Demo(args)) = parse("demo --case 1,p07 --format amdv1") else {
        panic!()
    };
    assert_eq!(args.cases, [1, 7]);
    assert_eq!(
        parse("demo --case 12").unwrap_err(),
        ErrorKind::ValueValidation
    );
    assert_eq!(
        parse("demo --format arm").unwrap_err(),
        ErrorKind::InvalidValue
    );
}

#[test]
fn apply_either_checks_or_writes() {
    assert!(parse("apply --linux x").is_ok());
    assert_eq!(
        parse("apply").unwrap_err(),
        ErrorKind::MissingRequiredArgument
    );
    assert_eq!(
        parse("apply --linux x --check --out y").unwrap_err(),
        ErrorKind::ArgumentConflict
    );
}

#[test]
fn the_cache_can_be_named_after_the_sub_command() {
    let cli = Cli::try_parse_from(["dmasan", "doctor", "--cache", "/c"]).unwrap();
    assert_eq!(cli.cache, Some(PathBuf::from("/c")));
}
