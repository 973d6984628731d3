// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The guest's console, line by line, and its silences.

use std::io;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use dmasan_lab::{Boot, Guest, Kernel, Lab};

/// After so long without a line, whatever is held back is shown.
const SILENCE: Duration = Duration::from_millis(700);
/// Lines that wait to be shown; a guest that prints more has to wait itself.
const WAITING: usize = 1024;

/// Somebody who listens to a console.
pub(super) trait Listener {
    /// The next line has come.
    fn line(&mut self, line: &str) -> io::Result<()>;
    /// None has come for a while.
    fn silence(&mut self) -> io::Result<()>;
}

/// Boots, and hands everything to the listener, in the thread of the caller. A listener that fails
/// ends the guest: nobody reads on.
pub(super) fn boot(
    lab: &Lab,
    kernel: &Kernel,
    guest: &Guest,
    listener: &mut dyn Listener,
) -> anyhow::Result<Boot> {
    let (sender, lines) = mpsc::sync_channel::<String>(WAITING);
    thread::scope(|scope| {
        let booting = scope.spawn(move || {
            lab.boot(kernel, guest, &mut |line| {
                // Without a listener the guest is about to end.
                let _ = sender.send(line.to_owned());
            })
        });
        let heard = listen(&lines, listener);
        if heard.is_err() {
            dmasan_lab::interrupt();
        }
        // Who sends on does not wait for somebody to take it.
        drop(lines);
        let booted = booting
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        heard.context("cannot show the console")?;
        booted.context("cannot boot")
    })
}

fn listen(lines: &mpsc::Receiver<String>, listener: &mut dyn Listener) -> io::Result<()> {
    loop {
        match lines.recv_timeout(SILENCE) {
            Ok(line) => listener.line(&line)?,
            Err(RecvTimeoutError::Timeout) => listener.silence()?,
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was heard; a listener that has had enough fails.
    #[derive(Default)]
    struct Heard {
        lines: Vec<String>,
        silences: usize,
        enough: Option<usize>,
    }

    impl Listener for Heard {
        fn line(&mut self, line: &str) -> io::Result<()> {
            self.lines.push(line.to_owned());
            match self.enough {
                Some(enough) if self.lines.len() >= enough => Err(io::ErrorKind::BrokenPipe.into()),
                _ => Ok(()),
            }
        }

        fn silence(&mut self) -> io::Result<()> {
            self.silences += 1;
            Ok(())
        }
    }

    #[test]
    fn a_silence_is_noticed_and_all_lines_are_heard() {
        let (sender, lines) = mpsc::sync_channel(1);
        let guest = thread::spawn(move || {
            sender.send("a".to_owned()).unwrap();
            thread::sleep(SILENCE + SILENCE / 2);
            sender.send("b".to_owned()).unwrap();
        });
        let mut heard = Heard::default();
        listen(&lines, &mut heard).unwrap();
        guest.join().unwrap();
        assert_eq!(heard.lines, ["a", "b"]);
        assert!(heard.silences >= 1);
    }

    #[test]
    fn who_has_heard_enough_hears_no_more() {
        let (sender, lines) = mpsc::sync_channel(4);
        for line in ["a", "b", "c"] {
            sender.send(line.to_owned()).unwrap();
        }
        let mut heard = Heard {
            enough: Some(2),
            ..Heard::default()
        };
        assert!(listen(&lines, &mut heard).is_err());
        assert_eq!(heard.lines, ["a", "b"]);
    }
}
