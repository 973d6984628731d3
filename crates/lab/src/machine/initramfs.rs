// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The guest's user space: busybox, an init script, the modules and files, as a cpio archive.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::guest::{Guest, MARK};
use crate::process::answer;
use crate::LabError;

/// Folders that are mounted on, or that programs look for.
const FOLDERS: &[&str] = &[
    "dev", "proc", "sys", "tmp", "etc", "bin", "sbin", "usr/bin", "usr/sbin",
];

/// What is mounted. All of it by one process: starting one is the guest's most costly act.
const FSTAB: &str = "\
proc /proc proc defaults 0 0
sys /sys sysfs defaults 0 0
dev /dev devtmpfs defaults 0 0
debug /sys/kernel/debug debugfs defaults 0 0
";

/// The guest's programs: all of them are one.
#[derive(Debug)]
pub(crate) struct Busybox {
    /// Statically linked, for the guest's processor.
    pub(crate) path: PathBuf,
    /// Whether that is the machine's own.
    pub(crate) is_native: bool,
}

/// Writes the archive for `guest` to `path`.
pub(super) fn write(path: &Path, busybox: &Busybox, guest: &Guest) -> Result<(), LabError> {
    let file = File::create(path).map_err(LabError::io("create", path))?;
    let mut archive = Archive::new(BufWriter::with_capacity(1 << 20, file));
    let write_error = |error| LabError::io("write", path)(error);

    for folder in FOLDERS {
        archive.folder(folder).map_err(write_error)?;
    }
    // init's own input and output, before there is a /dev.
    archive.console().map_err(write_error)?;
    add_file(
        &mut archive,
        path,
        "bin/busybox",
        &busybox.path,
        Some(0o755),
    )?;
    for applet in applets(busybox)? {
        if applet != "bin/busybox" {
            archive.link(&applet, "/bin/busybox").map_err(write_error)?;
        }
    }
    archive
        .file("etc/fstab", 0o644, FSTAB.as_bytes())
        .map_err(write_error)?;
    archive
        .file(
            "init",
            0o755,
            init_script(guest, busybox.is_native).as_bytes(),
        )
        .map_err(write_error)?;
    for module in &guest.modules {
        add_file(
            &mut archive,
            path,
            &format!("modules/{}", module_name(&module.path)),
            &module.path,
            Some(0o644),
        )?;
    }
    for (host, inside) in &guest.files {
        add_file(
            &mut archive,
            path,
            inside.trim_start_matches('/'),
            host,
            None,
        )?;
    }
    archive.finish().map_err(write_error)
}

fn add_file(
    archive: &mut Archive<impl Write>,
    path: &Path,
    name: &str,
    host: &Path,
    mode: Option<u32>,
) -> Result<(), LabError> {
    let bytes = std::fs::read(host).map_err(LabError::io("read", host))?;
    let meta = host.metadata().map_err(LabError::io("read", host))?;
    let mode = mode.unwrap_or(meta.permissions().mode() & 0o777);
    archive
        .file(name, mode, &bytes)
        .map_err(LabError::io("write", path))
}

fn module_name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// The paths of the programs that busybox is, like `bin/ls`. Links to them in the archive cost
/// nothing; making them in the guest takes as long as all the rest of the start of User-Mode Linux. What cannot be run
/// here cannot be asked: then init does that.
fn applets(busybox: &Busybox) -> Result<Vec<String>, LabError> {
    if !busybox.is_native {
        return Ok(vec!["bin/sh".to_owned()]);
    }
    let path = &busybox.path;
    let list = answer(Command::new(path).arg("--list-full"))
        .ok_or_else(|| LabError::io("run", path)(io::ErrorKind::InvalidData.into()))?;
    Ok(list.lines().map(str::to_owned).collect())
}

/// What runs as the guest's first process.
fn init_script(guest: &Guest, has_links: bool) -> String {
    let links = if has_links {
        ""
    } else {
        "busybox --install -s\n"
    };
    let mut script = format!(
        "\
#!/bin/sh
export PATH=/sbin:/usr/sbin:/bin:/usr/bin HOME=/ TERM=linux
busybox mount -a
{links}\
end() {{
    echo \"{MARK}exit $1\" > /dev/kmsg
    poweroff -f
}}
load() {{
    insmod \"$@\" && return
    echo \"{MARK}insmod ${{1##*/}} failed\" > /dev/kmsg
    end 125
}}
"
    );
    if guest.load {
        for module in &guest.modules {
            // Writing to a string cannot fail.
            let _ = write!(
                script,
                "load {}",
                quoted(&format!("/modules/{}", module_name(&module.path)))
            );
            for parameter in module.params.split_whitespace() {
                let _ = write!(script, " {}", quoted(parameter));
            }
            script.push('\n');
        }
    }
    if guest.command.is_empty() {
        script.push_str("end 0\n");
    } else {
        // In a process of its own, so that `exit` or `exec` does not end init.
        let words: Vec<String> = guest.command.iter().map(|word| quoted(word)).collect();
        let _ = write!(script, "( {} )\nend $?\n", words.join(" "));
    }
    script
}

/// A word that a shell takes as it is.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A writer of cpio archives in the `newc` form, as the kernel unpacks them.
struct Archive<W> {
    to: W,
    folders: BTreeSet<String>,
    number: u32,
    at: usize,
}

const FOLDER: u32 = 0o040_000;
const FILE: u32 = 0o100_000;
const LINK: u32 = 0o120_000;
const CHARACTER_DEVICE: u32 = 0o020_000;

impl<W: Write> Archive<W> {
    fn new(to: W) -> Archive<W> {
        Archive {
            to,
            folders: BTreeSet::new(),
            number: 0,
            at: 0,
        }
    }

    fn folder(&mut self, name: &str) -> io::Result<()> {
        if name.is_empty() || self.folders.contains(name) {
            return Ok(());
        }
        self.parents(name)?;
        self.folders.insert(name.to_owned());
        self.entry(name, FOLDER | 0o755, (0, 0), &[])
    }

    fn file(&mut self, name: &str, mode: u32, bytes: &[u8]) -> io::Result<()> {
        self.parents(name)?;
        self.entry(name, FILE | mode, (0, 0), bytes)
    }

    fn link(&mut self, name: &str, target: &str) -> io::Result<()> {
        self.parents(name)?;
        self.entry(name, LINK | 0o777, (0, 0), target.as_bytes())
    }

    fn console(&mut self) -> io::Result<()> {
        self.parents("dev/console")?;
        self.entry("dev/console", CHARACTER_DEVICE | 0o600, (5, 1), &[])
    }

    fn finish(mut self) -> io::Result<()> {
        self.entry("TRAILER!!!", 0, (0, 0), &[])?;
        self.to.flush()
    }

    fn parents(&mut self, name: &str) -> io::Result<()> {
        match name.rsplit_once('/') {
            Some((parent, _)) => self.folder(parent),
            None => Ok(()),
        }
    }

    fn entry(&mut self, name: &str, mode: u32, device: (u32, u32), bytes: &[u8]) -> io::Result<()> {
        let size = u32::try_from(bytes.len()).map_err(|_| {
            io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("{name} is too large for a guest"),
            )
        })?;
        self.number += 1;
        let name_size = u32::try_from(name.len() + 1).map_err(io::Error::other)?;
        // inode, mode, user, group, links, time, size, device of the file (2), device (2), length
        // of the name, checksum
        let fields = [
            self.number,
            mode,
            0,
            0,
            1,
            0,
            size,
            0,
            0,
            device.0,
            device.1,
            name_size,
            0,
        ];
        let mut header = String::from("070701");
        for field in fields {
            // Writing to a string cannot fail.
            let _ = write!(header, "{field:08X}");
        }
        self.put(header.as_bytes())?;
        self.put(name.as_bytes())?;
        self.put(&[0])?;
        self.pad()?;
        self.put(bytes)?;
        self.pad()
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.at += bytes.len();
        self.to.write_all(bytes)
    }

    /// Names and contents begin at multiples of four.
    fn pad(&mut self) -> io::Result<()> {
        let padding = self.at.next_multiple_of(4) - self.at;
        self.put(&[0; 3][..padding])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::GuestModule;

    #[test]
    fn an_entry_is_laid_out_as_the_kernel_reads_it() {
        let mut bytes = Vec::new();
        let mut archive = Archive::new(&mut bytes);
        archive.file("a/bc", 0o644, b"hello").unwrap();
        archive.finish().unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.starts_with("070701"));
        // The folder comes before the file.
        let file = text.find("a/bc").unwrap();
        assert!(text.find("a\0").unwrap() < file);
        assert_eq!((file - 110) % 4, 0);
        assert_eq!(&text[file - 110 + 6 + 48..file - 110 + 6 + 56], "00000005");
        assert_eq!(text.find("hello").unwrap() % 4, 0);
        assert!(text.contains("TRAILER!!!") && bytes.len() % 4 == 0);
    }

    #[test]
    fn words_reach_the_command_as_they_are() {
        let script = init_script(
            &Guest {
                command: vec!["echo".into(), "it's $HOME".into()],
                ..Guest::default()
            },
            true,
        );
        assert!(script.contains(r"( 'echo' 'it'\''s $HOME' )"), "{script}");
    }

    #[test]
    fn modules_are_loaded_in_order_unless_told_otherwise() {
        let module = |name: &str| GuestModule {
            path: format!("/x/{name}.ko").into(),
            params: "a=1 b=2".into(),
        };
        let guest = Guest {
            modules: vec![module("z"), module("a")],
            ..Guest::default()
        };
        let script = init_script(&guest, true);
        let first = script.find("load '/modules/z.ko' 'a=1' 'b=2'").unwrap();
        assert!(first < script.find("load '/modules/a.ko'").unwrap());
        let guest = Guest {
            load: false,
            ..guest
        };
        assert!(!init_script(&guest, true).contains("load '/modules"));
    }

    #[test]
    fn a_guest_makes_the_links_that_the_archive_cannot_have() {
        let script = |has_links| init_script(&Guest::default(), has_links);
        // The program looks for itself in /proc.
        let mount = script(false).find("mount -a").unwrap();
        assert!(mount < script(false).find("--install").unwrap());
        assert!(!script(true).contains("--install"));
    }
}
