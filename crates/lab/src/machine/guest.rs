// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Booting: what runs in the guest, and what came of it.

use std::path::PathBuf;
use std::time::Duration;

use super::accel::{self, Accel};
use super::{initramfs, Busybox, Device, Start, INITRAMFS};
use crate::cache::Cache;
use crate::emulator::Emulator;
use crate::kernel::Kernel;
use crate::process::{self, Then};
use crate::LabError;

/// How long a guest may take to power off after it has said its last words.
const POWER_OFF: Duration = Duration::from_secs(5);
/// How the guest's init speaks to us, through the kernel log.
pub(super) const MARK: &str = "dmasan-guest: ";

/// A kernel module that a guest gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestModule {
    /// The `.ko` file; it lies in the guest's `/modules` under its own name.
    pub path: PathBuf,
    /// Its parameters, separated by spaces, as `insmod` takes them.
    pub params: String,
}

/// Hardware that no [`Device`] is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Board {
    /// QEMU's arguments for it, which come after the machine's own.
    pub arguments: Vec<String>,
    /// The device tree of the whole board, where QEMU's does not tell of it.
    pub device_tree: PathBuf,
}

/// What is to run.
#[derive(Debug, Clone)]
pub struct Guest {
    /// Modules, in the order of loading.
    pub modules: Vec<GuestModule>,
    /// Whether the modules are loaded before the command.
    pub load: bool,
    /// The command and its arguments; empty: none, the guest ends after loading.
    pub command: Vec<String>,
    /// Files for the guest: where they lie here, and their absolute path there.
    pub files: Vec<(PathBuf, String)>,
    /// Words for the kernel's command line.
    pub append: Vec<String>,
    /// Memory, in MiB.
    pub memory_mib: u32,
    /// Processors.
    pub cpus: u32,
    /// Devices besides those that the machine has anyway.
    pub devices: Vec<Device>,
    /// Further hardware.
    pub board: Option<Board>,
    /// Whether the second serial port leads to the emulator's monitor, which speaks QMP: the guest can have devices
    /// unplugged, and do whatever else the emulator may. For guests that are trusted, under QEMU.
    pub monitor: bool,
    /// Where the processor is emulated: its clock counts instructions, each of which takes `1 << icount` ns, and tells no
    /// time. What the guest measures is then the same whatever else the host does.
    pub icount: Option<u8>,
    /// How long it may run.
    pub timeout: Duration,
}

impl Default for Guest {
    fn default() -> Self {
        Guest {
            modules: Vec::new(),
            load: true,
            command: Vec::new(),
            files: Vec::new(),
            append: Vec::new(),
            memory_mib: 256,
            cpus: 2,
            devices: Vec::new(),
            board: None,
            monitor: false,
            icount: None,
            timeout: Duration::from_secs(120),
        }
    }
}

/// How a boot went.
#[derive(Debug, Clone, PartialEq)]
pub struct Boot {
    /// The console, line by line, without line ends.
    pub console: Vec<String>,
    /// The command's exit status; 125 if a module could not be loaded; `None` if the guest did not
    /// get that far.
    pub exit: Option<i32>,
    /// Whether the time limit ended it.
    pub timed_out: bool,
    /// Whether the kernel panicked.
    pub panicked: bool,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// [`Guest::icount`], where it was in force.
    pub icount: Option<u8>,
    /// The console as a file.
    pub log: PathBuf,
}

/// What a boot needs besides the guest.
#[derive(Clone, Copy)]
pub(crate) struct Ground<'a> {
    pub(crate) cache: &'a Cache,
    pub(crate) kernel: &'a Kernel,
    pub(crate) busybox: &'a Busybox,
    /// There is one if the machine needs one.
    pub(crate) emulator: Option<&'a Emulator>,
}

/// Boots the kernel with `guest`.
pub(crate) fn boot(
    ground: Ground<'_>,
    guest: &Guest,
    on_line: &mut dyn FnMut(&str),
) -> Result<Boot, LabError> {
    let processor = ground.kernel.machine.machine().processor();
    let accel = match (processor, ground.emulator) {
        (Some(processor), Some(emulator)) => {
            accel::choose(ground.cache, processor, &emulator.id(), || trial(ground))?
        }
        _ => Accel::Tcg,
    };
    boot_on(ground, accel, guest, on_line)
}

/// Whether a guest comes to its end on the processor itself.
fn trial(ground: Ground<'_>) -> Result<bool, LabError> {
    let guest = Guest {
        command: vec!["true".to_owned()],
        timeout: accel::TRIAL,
        ..Guest::default()
    };
    let boot = boot_on(ground, Accel::Kvm, &guest, &mut |_| ())?;
    Ok(boot.exit == Some(0) && !boot.panicked)
}

fn boot_on(
    ground: Ground<'_>,
    accel: Accel,
    guest: &Guest,
    on_line: &mut dyn FnMut(&str),
) -> Result<Boot, LabError> {
    let Ground { cache, kernel, .. } = ground;
    let scratch = cache.scratch()?;
    initramfs::write(&scratch.path().join(INITRAMFS), ground.busybox, guest)?;
    let log = cache.new_log("boot")?;
    let icount = guest.icount.filter(|_| accel == Accel::Tcg);
    let command = kernel.machine.machine().command(&Start {
        image: &kernel.image,
        append: &guest.append,
        memory_mib: guest.memory_mib,
        cpus: guest.cpus,
        devices: &guest.devices,
        board: guest.board.as_ref(),
        monitor: guest.monitor,
        scratch: scratch.path(),
        emulator: ground.emulator,
        accel,
        icount,
    })?;

    let mut console = Vec::new();
    let mut exit = None;
    let mut panicked = false;
    let ended = process::stream_to_file(command, &log, Some(guest.timeout), &mut |line| {
        on_line(line);
        let said = last_words(line);
        exit = exit.or(said);
        panicked |= line.contains("Kernel panic - not syncing");
        console.push(line.to_owned());
        if said.is_some() || panicked {
            Then::EndWithin(POWER_OFF)
        } else {
            Then::Continue
        }
    })?;
    Ok(Boot {
        console,
        exit,
        timed_out: ended.timed_out,
        panicked,
        seconds: ended.seconds,
        icount,
        log,
    })
}

/// The exit status in the guest's last words, as a line of the kernel log.
fn last_words(line: &str) -> Option<i32> {
    let (before, words) = line.split_once(MARK)?;
    // Only the kernel log's own stamp may come before: a command may print what it likes.
    let stamped = before.is_empty() || before.starts_with('[') && before.trim_end().ends_with(']');
    stamped
        .then_some(words)?
        .strip_prefix("exit ")?
        .trim()
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_words_are_read_with_and_without_stamps() {
        assert_eq!(last_words("dmasan-guest: exit 3"), Some(3));
        assert_eq!(last_words("[    0.090000] dmasan-guest: exit 0"), Some(0));
        assert_eq!(
            last_words("[    0.090000][    T1] dmasan-guest: exit 125"),
            Some(125)
        );
        assert_eq!(last_words("he said dmasan-guest: exit 0"), None);
        assert_eq!(last_words("[ 1.0] dmasan-guest: insmod x.ko failed"), None);
    }
}
