// SPDX-License-Identifier: Apache-2.0 OR MIT

//! A log, line by line, in bounded memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read};
use std::path::{Path, PathBuf};

use anyhow::{bail, Context};

/// The kernel's lines have 1024 characters at most; what is longer is no kernel's and is cut.
const LONGEST: usize = 16 << 10;
const BUFFER: usize = 256 << 10;

/// A kernel log.
pub(super) struct Input {
    name: String,
    reader: Box<dyn BufRead>,
    line: Vec<u8>,
    /// Bytes read so far.
    pub(super) bytes: u64,
}

impl Input {
    /// Opens a file, or standard input for `-`.
    pub(super) fn open(file: &Path) -> anyhow::Result<Self> {
        if file.as_os_str() == "-" {
            if io::stdin().is_terminal() {
                bail!("which log? give a file, or a pipe: dmesg | dmasan report");
            }
            let stdin = io::stdin().lock();
            return Self::new("standard input".to_owned(), stdin);
        }
        let name = file.display().to_string();
        let opened = File::open(file).with_context(|| format!("cannot open {name}"))?;
        if opened.metadata().is_ok_and(|about| about.is_dir()) {
            bail!("{name} is a folder");
        }
        Self::new(name, opened)
    }

    /// Whatever can be read, by this name.
    pub(super) fn new(name: String, reader: impl Read + 'static) -> anyhow::Result<Self> {
        let mut reader = BufReader::with_capacity(BUFFER, reader);
        let head = loop {
            match reader.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error).with_context(|| format!("cannot read {name}")),
                // What is in the buffer is not read again.
                Ok(_) => break reader.buffer(),
            }
        };
        refuse_others(&name, head)?;
        Ok(Self {
            name,
            reader: Box::new(reader),
            line: Vec::new(),
            bytes: 0,
        })
    }

    /// What the log is called.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The next line, without its end; `None` after the last one.
    pub(super) fn next_line(&mut self) -> anyhow::Result<Option<&[u8]>> {
        self.line.clear();
        let before = self.bytes;
        loop {
            let buffer = match self.reader.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    return Err(error).with_context(|| format!("cannot read {}", self.name))
                }
            };
            if buffer.is_empty() {
                return Ok((self.bytes > before).then_some(&self.line));
            }
            let end = memchr::memchr(b'\n', buffer);
            let part = &buffer[..end.unwrap_or(buffer.len())];
            let room = LONGEST.saturating_sub(self.line.len());
            self.line.extend_from_slice(&part[..part.len().min(room)]);
            let used = end.map_or(buffer.len(), |at| at + 1);
            self.reader.consume(used);
            self.bytes += used as u64;
            if end.is_some() {
                return Ok(Some(&self.line));
            }
        }
    }
}

/// Says what a file is that is no log.
fn refuse_others(name: &str, head: &[u8]) -> anyhow::Result<()> {
    let others: [(&[u8], &str); 5] = [
        (
            b"\x7fELF",
            "is a program or a kernel, not a log: did you mean --vmlinux?",
        ),
        (
            b"LPKSHHRH",
            "is a journal: use `journalctl -k --file FILE | dmasan report`",
        ),
        (
            b"\x1f\x8b",
            "is compressed: use `zcat FILE | dmasan report`",
        ),
        (
            b"\xfd7zXZ",
            "is compressed: use `xzcat FILE | dmasan report`",
        ),
        (
            b"\x28\xb5\x2f\xfd",
            "is compressed: use `zstdcat FILE | dmasan report`",
        ),
    ];
    match others.iter().find(|(magic, _)| head.starts_with(magic)) {
        Some((_, what)) => bail!("{name} {}", what.replace("FILE", &path_of(name))),
        None => Ok(()),
    }
}

fn path_of(name: &str) -> String {
    let path = PathBuf::from(name);
    let plain = !name.contains(' ') && path.exists();
    if plain {
        name.to_owned()
    } else {
        "FILE".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &'static [u8]) -> (Vec<Vec<u8>>, u64) {
        let mut input = Input::new("log".to_owned(), text).unwrap();
        let mut lines = Vec::new();
        while let Some(line) = input.next_line().unwrap() {
            lines.push(line.to_vec());
        }
        (lines, input.bytes)
    }

    #[test]
    fn the_last_line_may_lack_its_end() {
        assert_eq!(
            lines(b"a\n\nb"),
            (vec![b"a".to_vec(), vec![], b"b".to_vec()], 4)
        );
        assert_eq!(lines(b"").0.len(), 0);
    }

    #[test]
    fn a_line_without_end_does_not_fill_the_memory() {
        let long: &'static [u8] = vec![b'x'; 1 << 20].leak();
        let (lines, bytes) = lines(long);
        assert_eq!((lines.len(), lines[0].len(), bytes), (1, LONGEST, 1 << 20));
    }

    #[test]
    fn what_is_no_log_is_named() {
        let refused = |head: &'static [u8]| {
            Input::new("x".to_owned(), head)
                .err()
                .map(|e| e.to_string())
        };
        assert!(refused(b"\x7fELF\x02").is_some_and(|text| text.contains("--vmlinux")));
        assert!(refused(b"\x1f\x8b\x08").is_some_and(|text| text.contains("zcat")));
        assert!(refused(b"[    0.0] Linux").is_none());
    }
}
