// SPDX-License-Identifier: Apache-2.0 OR MIT

//! A program's output as it comes, and the program's end whatever it does.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{waitid, Pid, WaitId, WaitIdOptions};

use crate::{interrupt, LabError};

/// How long the output of a killed program may stay open.
const DRAIN: Duration = Duration::from_secs(2);

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) timed_out: bool,
    pub(crate) seconds: f64,
}

/// What the listener of a program's output wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// Go on.
    Continue,
    /// The program has said its last words: it gets this long to end by itself.
    EndWithin(Duration),
}

/// Runs `command` in a process group of its own, without input, and hands every line of output
/// and error output to `on_line`. The whole group is killed when `limit` is over.
pub(crate) fn stream(
    command: Command,
    limit: Option<Duration>,
    on_line: &mut dyn FnMut(&str) -> Then,
) -> Result<Ended, LabError> {
    run(command, None, limit, on_line)
}

/// As [`stream`], with the standard output in the file `to`: for programs that drop what a slow
/// reader does not take, as User-Mode Linux does.
pub(crate) fn stream_to_file(
    command: Command,
    to: &Path,
    limit: Option<Duration>,
    on_line: &mut dyn FnMut(&str) -> Then,
) -> Result<Ended, LabError> {
    run(command, Some(to), limit, on_line)
}

fn run(
    mut command: Command,
    to: Option<&Path>,
    limit: Option<Duration>,
    on_line: &mut dyn FnMut(&str) -> Then,
) -> Result<Ended, LabError> {
    interrupt::check()?;
    let start = Instant::now();
    let mut deadline = limit.map(|limit| start + limit);
    let (lines, mut child) = spawn(&mut command, to)?;
    // The command holds the writing end of the pipe; without it the pipe ends with the program.
    drop(command);

    let mut last_words = false;
    let mut killed = false;
    loop {
        let received = match deadline {
            Some(deadline) => {
                lines.recv_timeout(deadline.saturating_duration_since(Instant::now()))
            }
            None => lines.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match received {
            Ok(line) => {
                if let Then::EndWithin(grace) = on_line(&line) {
                    let end = Instant::now() + grace;
                    deadline = Some(deadline.map_or(end, |deadline| deadline.min(end)));
                    last_words = true;
                }
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                killed = true;
                interrupt::kill_registered(child.id());
                while let Ok(line) = lines.recv_timeout(DRAIN) {
                    on_line(&line);
                }
                break;
            }
        }
    }
    let (status, overdue) = wait(&mut child, deadline)?;
    interrupt::check()?;
    let timed_out = (killed || overdue) && !last_words;
    Ok(Ended {
        status,
        timed_out,
        seconds: start.elapsed().as_secs_f64(),
    })
}

fn spawn(
    command: &mut Command,
    to: Option<&Path>,
) -> Result<(mpsc::Receiver<String>, Child), LabError> {
    let program = PathBuf::from(command.get_program());
    let (reader, writer) = io::pipe().map_err(LabError::io("open a pipe for", &program))?;
    let errors = writer
        .try_clone()
        .map_err(LabError::io("open a pipe for", &program))?;
    command.process_group(0).stdin(Stdio::null()).stderr(errors);
    let tail = match to {
        Some(path) => {
            command.stdout(File::create(path).map_err(LabError::io("create", path))?);
            drop(writer);
            Some(File::open(path).map_err(LabError::io("read", path))?)
        }
        None => {
            command.stdout(writer);
            None
        }
    };
    let child = command.spawn().map_err(LabError::io("start", &program))?;
    interrupt::register(child.id());

    let (sender, lines) = mpsc::channel();
    // The pipe ends when the last process that has it as its error output does.
    let ended = Arc::new(AtomicBool::new(false));
    if let Some(file) = tail {
        let (ended, sender) = (Arc::clone(&ended), sender.clone());
        thread::spawn(move || send_lines(BufReader::new(Tail { file, ended }), &sender));
    }
    thread::spawn(move || {
        send_lines(BufReader::new(reader), &sender);
        // Release: whatever was written to the file before is seen by who sees the flag.
        ended.store(true, Ordering::Release);
    });
    Ok((lines, child))
}

fn send_lines(mut reader: impl BufRead, to: &mpsc::Sender<String>) {
    let mut bytes = Vec::new();
    while matches!(reader.read_until(b'\n', &mut bytes), Ok(n) if n > 0) {
        let line = String::from_utf8_lossy(&bytes);
        if to
            .send(line.trim_end_matches(['\n', '\r']).to_owned())
            .is_err()
        {
            break;
        }
        bytes.clear();
    }
}

/// A file that others write to, which ends when they have.
struct Tail {
    file: File,
    ended: Arc<AtomicBool>,
}

impl Read for Tail {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            // Asked before reading: what was written before the end is read in any case.
            let ended = self.ended.load(Ordering::Acquire);
            let n = self.file.read(buffer)?;
            if n > 0 || ended {
                return Ok(n);
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Waits for the leader of a group whose output has ended, and kills what is left of the group.
/// Also says whether the deadline had to end it.
fn wait(child: &mut Child, deadline: Option<Instant>) -> Result<(ExitStatus, bool), LabError> {
    let leader = Path::new("child process");
    let mut overdue = false;
    if let Some(deadline) = deadline {
        // It closed its output but may go on: the limit holds for that as well.
        while !has_exited(child)? {
            overdue = Instant::now() >= deadline;
            if overdue {
                break;
            }
            thread::sleep(Duration::from_millis(1));
        }
        interrupt::kill_registered(child.id());
    } else {
        let pid = Pid::from_child(child);
        waitid(
            WaitId::Pid(pid),
            WaitIdOptions::EXITED | WaitIdOptions::NOWAIT,
        )
        .map_err(|error| LabError::io("wait for", leader)(error.into()))?;
    }
    let status =
        interrupt::reap(child.id(), || child.wait()).map_err(LabError::io("wait for", leader))?;
    Ok((status, overdue))
}

fn has_exited(child: &Child) -> Result<bool, LabError> {
    let pid = Pid::from_child(child);
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    let status = waitid(WaitId::Pid(pid), options)
        .map_err(|error| LabError::io("wait for", Path::new("child process"))(error.into()))?;
    Ok(status.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    use crate::process::tethered;

    fn shell(script: &str) -> Command {
        let mut command = tethered("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn lines_of_both_outputs_arrive_without_line_ends() {
        let mut lines = Vec::new();
        let ended = stream(
            shell("printf 'a\\r\\nb\\n'; echo c >&2; exit 3"),
            None,
            &mut |line| {
                lines.push(line.to_owned());
                Then::Continue
            },
        )
        .unwrap();
        assert_eq!(lines, ["a", "b", "c"]);
        assert_eq!(ended.status.code(), Some(3));
        assert!(!ended.timed_out);
    }

    #[test]
    fn a_time_limit_kills_the_whole_group() {
        let start = Instant::now();
        let mut lines = Vec::new();
        let limit = Some(Duration::from_millis(300));
        let ended = stream(shell("sleep 61 & echo $!; wait"), limit, &mut |line| {
            lines.push(line.to_owned());
            Then::Continue
        })
        .unwrap();
        assert!(ended.timed_out);
        assert!(start.elapsed() < Duration::from_secs(2));
        // Gone, or a zombie that its new parent has not noticed: in any case it no longer runs.
        let stat = format!("/proc/{}/stat", lines[0]);
        let runs = || std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z "));
        while runs() && start.elapsed() < Duration::from_secs(5) {
            thread::sleep(Duration::from_millis(5));
        }
        assert!(!runs());
    }

    #[test]
    fn a_program_that_has_said_its_last_words_is_not_timed_out() {
        let ended = stream(shell("echo bye; exec sleep 61"), None, &mut |_| {
            Then::EndWithin(Duration::from_millis(50))
        })
        .unwrap();
        assert!(!ended.timed_out);
        assert_eq!(ended.status.signal(), Some(9));
    }

    #[test]
    fn a_closed_output_does_not_outlive_the_limit() {
        let limit = Some(Duration::from_millis(200));
        let start = Instant::now();
        let ended = stream(shell("exec >&- 2>&-; sleep 61"), limit, &mut |_| {
            Then::Continue
        })
        .unwrap();
        assert!(ended.timed_out);
        assert!(start.elapsed() < Duration::from_secs(2));
    }

    #[test]
    fn output_by_way_of_a_file_arrives_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("console");
        let mut lines = Vec::new();
        let script = "seq 20000; sleep 0.05; echo error >&2; printf last";
        stream_to_file(shell(script), &path, None, &mut |line| {
            lines.push(line.to_owned());
            Then::Continue
        })
        .unwrap();
        assert_eq!(lines.len(), 20002);
        assert!(lines.contains(&"last".to_owned()) && lines.contains(&"error".to_owned()));
        assert!(!std::fs::read_to_string(&path).unwrap().contains("error"));
    }
}
