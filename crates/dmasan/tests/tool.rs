// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The program from outside: what it prints where, and how it ends. Nothing here needs a kernel.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

fn dmasan(cache: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dmasan"));
    command
        .args(args)
        .env("DMASAN_CACHE", cache)
        .env("NO_COLOR", "1");
    command.output().expect("the program starts")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// A folder that looks like a Linux tree of this version, and holds nothing to patch.
fn tree(version: u32, patchlevel: u32) -> TempDir {
    let dir = folder();
    let makefile =
        format!("VERSION = {version}\nPATCHLEVEL = {patchlevel}\nSUBLEVEL = 0\nEXTRAVERSION =\n");
    for (name, text) in [
        ("Makefile", makefile.as_str()),
        ("Kbuild", ""),
        ("Kconfig", ""),
    ] {
        fs::write(dir.path().join(name), text).expect("a file");
    }
    dir
}

#[test]
fn a_wrong_command_line_could_not_run() {
    let cache = folder();
    for args in [&["run"][..], &["demo", "--case", "99"], &["nonsense"]] {
        let output = dmasan(cache.path(), args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty(), "{args:?}");
    }
}

#[test]
fn a_folder_that_is_no_kernel_tree_could_not_run() {
    let cache = folder();
    let linux = folder();
    let output = dmasan(
        cache.path(),
        &[
            "apply",
            "--check",
            "--linux",
            &linux.path().to_string_lossy(),
        ],
    );
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("is not a Linux source tree"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_kernel_that_is_too_old_is_told_so() {
    let cache = folder();
    let linux = tree(6, 12);
    let output = dmasan(
        cache.path(),
        &["apply", "--linux", &linux.path().to_string_lossy()],
    );
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("needs 7.0 or later"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_tree_that_does_not_fit_is_left_alone_and_told_why() {
    let cache = folder();
    let linux = tree(7, 3);
    let path = linux.path().to_string_lossy().into_owned();
    let series = cache.path().join("series").to_string_lossy().into_owned();
    for more in [&["--check"][..], &[], &["--out", &series]] {
        let output = dmasan(cache.path(), &[&["apply", "--linux", &path], more].concat());
        assert_eq!(output.status.code(), Some(1), "{more:?}");
        let text = stdout(&output);
        assert!(
            text.contains("does not fit") && text.contains("drivers/iommu/"),
            "{text}"
        );
    }
    let left = fs::read_dir(linux.path()).expect("the folder").count();
    assert_eq!(left, 3);
    assert!(!Path::new(&series).exists());
}

#[test]
fn doctor_speaks_json_on_standard_output() {
    let cache = folder();
    let output = dmasan(cache.path(), &["doctor", "--json"]);
    assert!(matches!(output.status.code(), Some(0 | 1)));
    let doctor: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let problems = doctor["problems"].as_array().expect("a list");
    assert_eq!(output.status.success(), problems.is_empty());
    assert!(doctor["to_do"]
        .as_array()
        .is_some_and(|to_do| !to_do.is_empty()));
}

#[test]
fn cleaning_an_empty_cache_frees_nothing() {
    let cache = folder();
    let output = dmasan(cache.path(), &["clean", "--all", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["freed_bytes"], 0);
}

#[test]
fn a_cache_that_cannot_be_is_one_clear_error() {
    let cache = folder();
    let file = cache.path().join("file");
    fs::write(&file, "").expect("a file");
    let output = dmasan(&file.join("cache"), &["doctor"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
}
