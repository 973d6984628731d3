// SPDX-License-Identifier: Apache-2.0 OR MIT

//! `dmasan report` from outside: what it prints for real logs, and how it ends.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// The program on a log of the parser's own tests.
fn report(log: &str, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dmasan"));
    command
        .current_dir(logs())
        .arg("report")
        .arg(log)
        .args(args);
    command.output().expect("the program starts")
}

fn logs() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../report/tests/logs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What people see for a log with reports.
fn text(log: &str) -> String {
    let output = report(&format!("{log}.log"), &[]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    stdout(&output)
}

#[test]
fn a_report_of_the_rust_implementation() {
    insta::assert_snapshot!(text("rust-frame-pointers-captured"));
}

#[test]
fn reports_with_origins() {
    insta::assert_snapshot!(text("rust-origins"));
}

#[test]
fn a_report_of_the_c_implementation() {
    insta::assert_snapshot!(text("c-allocated"));
}

#[test]
fn reports_of_dma_api_debug() {
    insta::assert_snapshot!(text("dma-api"));
}

#[test]
fn a_log_of_syzkaller() {
    insta::assert_snapshot!(text("syzkaller"));
}

#[test]
fn a_log_of_a_serial_line() {
    insta::assert_snapshot!(text("serial"));
}

#[test]
fn a_log_that_is_cut_off() {
    insta::assert_snapshot!(text("mixed-truncated"));
}

#[test]
fn ktap_has_a_failing_test_for_each_bug() {
    let output = report("rust-origins.log", &["--ktap"]);
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(stdout(&output));
}

#[test]
fn json_is_stable() {
    let output = report("rust-origins.log", &["--json"]);
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(stdout(&output));
}

#[test]
fn a_log_without_reports_is_good_in_every_form() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log");
    fs::write(&log, "[    0.1] Linux version 7.3.4\n[    0.2] hello\n").expect("a log");
    let log = log.to_string_lossy();
    for (args, words) in [
        (&[][..], "no reports in 2 lines"),
        (&["--json"], "\"bugs\": []"),
        (&["--ktap"], "1..1\nok 1 "),
    ] {
        let output = report(&log, args);
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert!(stdout(&output).contains(words), "{}", stdout(&output));
    }
}

#[test]
fn a_page_of_html_needs_nothing_else_and_runs_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log");
    let mut text = fs::read_to_string(logs().join("rust-origins.log")).expect("a log");
    text.push_str("BUG: DMASAN: unmap-underflow in <script>alert(1)</script>\n");
    fs::write(&log, text).expect("a log");
    let page = folder.path().join("page.html");
    let output = report(&log.to_string_lossy(), &["--html", &page.to_string_lossy()]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let page = fs::read_to_string(page).expect("the page");
    for outside in [
        "http:", "https:", "//", "src=", "<link", "<script", "@import", "url(",
    ] {
        assert!(!page.contains(outside), "{outside}");
    }
    for inside in [
        "freed-while-mapped",
        "prefers-color-scheme: dark",
        "<svg",
        "&lt;script&gt;",
    ] {
        assert!(page.contains(inside), "{inside}");
    }
}

#[test]
fn a_log_may_come_through_a_pipe() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dmasan"));
    command.args(["report"]).stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
    let log = fs::read(logs().join("dma-api.log")).expect("a log");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(&log).expect("written");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).ends_with(
        "standard input: 3 bugs, 3 reports\nhint: the log ends in the middle of a report: what \
         follows is missing\nhint: --vmlinux PATH and --modules DIR show where in the source that \
         is\n"
    ));
}

#[test]
fn what_cannot_be_read_is_one_clear_error() {
    let program = env!("CARGO_BIN_EXE_dmasan");
    for (log, args, words) in [
        ("none.log", &[][..], "cannot open none.log"),
        (".", &[], "is a folder"),
        (program, &[], "not a log"),
        ("dma-api.log", &["--vmlinux", "none"], "cannot open none"),
        (
            "dma-api.log",
            &["--vmlinux", "c-freed.log"],
            "not an ELF file",
        ),
        (
            "dma-api.log",
            &["--modules", "none"],
            "cannot read the folder of modules",
        ),
        (
            "dma-api.log",
            &["--html", "no/such/folder.html"],
            "cannot write",
        ),
    ] {
        let output = report(log, args);
        assert_eq!(output.status.code(), Some(2), "{log} {args:?}");
        let error = stderr(&output);
        assert!(
            error.contains(words) && error.lines().count() == 1,
            "{error}"
        );
    }
    let output = report("dma-api.log", &["--json", "--ktap"]);
    assert_eq!(output.status.code(), Some(2));
}

/// The memory that it takes does not grow with the log.
#[test]
fn a_long_log_is_read_in_little_memory() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log");
    let mut part = fs::read(logs().join("c-accounting.log")).expect("a log");
    // Long lines, as there is only so much time for a test.
    let noise = format!("[    1.234567] {}\n", "noise ".repeat(10_000));
    part.extend(noise.repeat(16).bytes());
    let mut file = fs::File::create(&log).expect("a log");
    let parts = (32 << 20) / part.len();
    for _ in 0..parts {
        file.write_all(&part).expect("written");
    }
    drop(file);
    // In kilobytes: less than the log, the program itself included.
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -v 24576; exec \"$0\" report \"$1\" --json"]);
    command.arg(env!("CARGO_BIN_EXE_dmasan")).arg(&log);
    let output = command.output().expect("it starts");
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(found["reports"], 2 * parts);
    assert_eq!(found["bugs"].as_array().map(Vec::len), Some(2));
}
