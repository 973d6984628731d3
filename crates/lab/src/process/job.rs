// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Long jobs, whose failures have to be explained.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus};

use super::{stream, Then};
use crate::LabError;

/// Lines of output kept to explain a failure.
const TAIL: usize = 400;

/// A long job with a log file, whose failure is explained by the lines that matter.
pub(crate) struct Job<'a> {
    /// What is being done, for the error: `building the kernel`.
    pub(crate) what: &'a str,
    pub(crate) command: Command,
    pub(crate) log: &'a Path,
    /// What it takes on disk, for the message when the disk is full.
    pub(crate) needs_mib: u64,
}

impl Job<'_> {
    /// Runs the job to its end.
    pub(crate) fn run(self, on_line: &mut dyn FnMut(&str)) -> Result<(), LabError> {
        let log_error = LabError::io("write", self.log);
        let file = File::create(self.log).map_err(LabError::io("create", self.log))?;
        let mut log = BufWriter::new(file);
        let mut log_result = Ok(());
        let mut tail = VecDeque::with_capacity(TAIL);
        let ended = stream(self.command, None, &mut |line| {
            log_result = log_result
                .as_ref()
                .map_or_else(|_| Ok(()), |()| writeln!(log, "{line}"));
            if tail.len() == TAIL {
                tail.pop_front();
            }
            tail.push_back(line.to_owned());
            on_line(line);
            Then::Continue
        })?;
        if ended.status.success() {
            return log_result.and_then(|()| log.flush()).map_err(log_error);
        }
        // The log is a help, not the result.
        let _ = log.flush();
        if tail
            .iter()
            .any(|line| line.contains("No space left on device"))
        {
            let folder = self.log.parent().unwrap_or(self.log);
            return Err(LabError::no_space(folder, self.what, self.needs_mib));
        }
        Err(LabError::Failed {
            what: self.what.to_owned(),
            status: status_text(ended.status),
            lines: telling_lines(tail.make_contiguous()),
            log: self.log.to_owned(),
        })
    }
}

fn status_text(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => "unknown status".to_owned(),
    }
}

/// The lines that say why a program failed: the errors, or the last words if none looks like one.
pub(crate) fn telling_lines(lines: &[String]) -> Vec<String> {
    const SHOWN: usize = 12;
    let is_error = |line: &&String| {
        let line = line.trim_start();
        [
            "error:",
            "error[",
            "ERROR:",
            "undefined reference",
            "undefined symbol",
            "*** ",
            "No rule to make",
        ]
        .iter()
        .any(|mark| line.contains(mark))
            || line.starts_with("E: ")
            || line.starts_with("dpkg: error")
    };
    let errors: Vec<String> = lines.iter().filter(is_error).take(SHOWN).cloned().collect();
    if errors.is_empty() {
        lines
            .iter()
            .skip(lines.len().saturating_sub(SHOWN))
            .cloned()
            .collect()
    } else {
        errors
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::tethered;

    fn shell(script: &str) -> Command {
        let mut command = tethered("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_full_disk_is_told_as_such() {
        let dir = tempfile::tempdir().unwrap();
        let job = Job {
            what: "building",
            command: shell(
                "echo 'ld.lld: error: failed to write: No space left on device'; exit 1",
            ),
            log: &dir.path().join("log"),
            needs_mib: 77,
        };
        let error = job.run(&mut |_| {}).unwrap_err();
        assert!(
            matches!(error, LabError::NoSpace { needed_mib: 77, .. }),
            "{error}"
        );
    }

    #[test]
    fn a_failure_shows_its_error_lines_and_its_log() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let job = Job {
            what: "building",
            command: shell("echo noise; echo 'x.c:1: error: no'; echo more; exit 2"),
            log: &log,
            needs_mib: 1,
        };
        let error = job.run(&mut |_| {}).unwrap_err();
        let LabError::Failed { status, lines, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!(lines, &["x.c:1: error: no"]);
        assert_eq!(status, "exit status 2");
        assert_eq!(std::fs::read_to_string(&log).unwrap().lines().count(), 3);
    }

    #[test]
    fn a_failure_without_error_lines_shows_the_last_words() {
        let lines: Vec<String> = (0..40).map(|n| n.to_string()).collect();
        assert_eq!(telling_lines(&lines).last().map(String::as_str), Some("39"));
        assert_eq!(telling_lines(&lines).len(), 12);
    }
}
