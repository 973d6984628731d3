// SPDX-License-Identifier: Apache-2.0 OR MIT

//! QEMU: the machine's own if it is new enough, else the one in the root that is made for it.

use std::path::Path;
use std::process::Command;

use crate::cache::Cache;
use crate::native::{self, Version};
use crate::process::tethered;
use crate::processor::Processor;
use crate::root::{Bind, Root};
use crate::{LabError, Progress};

/// The first version whose IOMMUs do all that is wanted of them, under the names that they have now.
const OLDEST: Version = Version(11, 1, 0);
/// Where the emulator sees the folder that it runs in.
const FOLDER: &str = "/guest";

/// A place with an emulator.
#[derive(Debug, Clone)]
pub(crate) enum Emulator {
    /// The machine itself, with this version.
    Machine(Version),
    /// The root for it.
    Root(Root),
}

impl Emulator {
    /// The emulator of a processor, if it is there.
    pub(crate) fn existing(cache: &Cache, processor: &Processor) -> Option<Emulator> {
        match native::version_of(processor.emulator) {
            Some(version) if version >= OLDEST => Some(Emulator::Machine(version)),
            _ => Root::existing(cache, &processor.qemu).map(Emulator::Root),
        }
    }

    /// The emulator of a processor; it is downloaded if it is not there.
    pub(crate) fn obtain(
        cache: &Cache,
        processor: &Processor,
        progress: &dyn Progress,
    ) -> Result<Emulator, LabError> {
        match Emulator::existing(cache, processor) {
            Some(emulator) => Ok(emulator),
            None => Root::obtain(cache, &processor.qemu, progress).map(Emulator::Root),
        }
    }

    /// A name that changes with the version.
    pub(crate) fn id(&self) -> String {
        match self {
            Emulator::Machine(version) => format!("machine-{version}"),
            Emulator::Root(root) => root.id(),
        }
    }

    /// What it is, for people.
    pub(crate) fn describe(&self) -> String {
        match self {
            Emulator::Machine(version) => format!("{version}, the machine's own"),
            Emulator::Root(_) => "in the cache".to_owned(),
        }
    }

    /// A command that runs `program` in `folder`, of which it need see nothing else: file names in
    /// `arguments` are relative to it. It leaves no process behind.
    pub(crate) fn command(&self, program: &str, arguments: &[String], folder: &Path) -> Command {
        match self {
            Emulator::Machine(_) => {
                let mut command = tethered(program);
                command.args(arguments).current_dir(folder);
                command
            }
            Emulator::Root(root) => {
                let mut argv = vec![program];
                argv.extend(arguments.iter().map(String::as_str));
                root.command(&[Bind::new(folder, FOLDER)], FOLDER, &argv)
            }
        }
    }
}
