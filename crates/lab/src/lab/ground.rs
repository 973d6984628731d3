// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What a kernel is built from and with, and what runs it: found, or made where it is missing.

use std::thread;

use super::Lab;
use crate::cache::CacheLock;
use crate::emulator::Emulator;
use crate::kernel::{self, KernelRequest};
use crate::lockfile::{self, LockFile, SourcePin};
use crate::machine::Busybox;
use crate::native;
use crate::process::{self, Then};
use crate::processor::Processor;
use crate::root::{Kind, Root, COMPILERS};
use crate::source::{self, Source, SourceInfo};
use crate::world::{Make, World};
use crate::{debian, files, LabError};

impl Lab {
    /// A root; it is made if it is missing.
    pub(super) fn root(&self, _lock: &CacheLock, kind: &Kind) -> Result<Root, LabError> {
        Root::obtain(&self.cache, kind, &*self.progress)
    }

    /// The emulator of a processor, if there is one to emulate; it is made if it is missing.
    pub(super) fn emulator(
        &self,
        _lock: &CacheLock,
        processor: Option<&Processor>,
    ) -> Result<Option<Emulator>, LabError> {
        processor
            .map(|processor| Emulator::obtain(&self.cache, processor, &*self.progress))
            .transpose()
    }

    /// The programs of a guest: the toolchain's, unless its processor is another one.
    pub(super) fn busybox(&self, processor: Option<&Processor>) -> Result<Busybox, LabError> {
        let Some(kind) = processor.and_then(Processor::programs) else {
            return Ok(Busybox {
                path: self.existing_world()?.busybox(),
                is_native: true,
            });
        };
        let root = match Root::existing(&self.cache, kind) {
            Some(root) => root,
            None => {
                let lock = self.cache.lock(&*self.progress)?;
                self.root(&lock, kind)?
            }
        };
        Ok(Busybox {
            path: root.busybox(),
            is_native: false,
        })
    }

    /// A toolchain and a source; what is missing of both is made at the same time.
    pub(super) fn ground(
        &self,
        _lock: &CacheLock,
        request: &KernelRequest,
    ) -> Result<(World, Source), LabError> {
        let progress = &*self.progress;
        let world = || match native::detect() {
            Some(tools) if !self.is_refused(&tools) => Ok(World::Machine(tools)),
            _ => Root::obtain(&self.cache, &COMPILERS, progress).map(World::Root),
        };
        let source = || match &request.linux {
            Some(tree) => source::user::obtain(&self.cache, tree, progress),
            None => source::debian::obtain(&self.cache, progress),
        };
        if source::debian::is_cached(&self.cache) && self.existing_world().is_ok() {
            return Ok((world()?, source()?));
        }
        self.require_space(request)?;
        // Installing the machine's missing tools needs apt's lock: not from two threads.
        if native::detect().is_none() && Root::existing(&self.cache, &COMPILERS).is_none() {
            debian::ensure(&self.cache, progress)?;
        }
        thread::scope(|scope| {
            let source = scope.spawn(source);
            let world = world();
            let source = source
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            // A tree that will not do is told even if the build root failed as well.
            let source = source?;
            Ok((world?, source))
        })
    }

    /// An error unless there is room for all that is missing: better told now than in five minutes.
    pub(super) fn require_space(&self, request: &KernelRequest) -> Result<(), LabError> {
        let mut needed = kernel::BUILD_MIB;
        if native::detect().is_none() && Root::existing(&self.cache, &COMPILERS).is_none() {
            needed += COMPILERS.installed_mib;
        }
        if let Some(processor) = request.machine.machine().processor() {
            needed += processor.installed_mib();
        }
        if request.linux.is_some() || !source::debian::is_cached(&self.cache) {
            needed += source::debian::DOWNLOAD_MIB + source::debian::UNPACKED_MIB;
        }
        self.cache.require_space("the lab", needed)
    }

    /// The toolchain that is there already.
    pub(super) fn existing_world(&self) -> Result<World, LabError> {
        if let Some(root) = Root::existing(&self.cache, &COMPILERS) {
            // Cheaper to find than the machine's tools; busybox is the same for both.
            return Ok(World::Root(root));
        }
        native::detect()
            .map(World::Machine)
            .ok_or_else(|| LabError::MissingTool {
                tool: "a toolchain".to_owned(),
                fix: "dmasan build".to_owned(),
            })
    }

    /// Asks the kernel itself whether the machine's tools will do.
    pub(super) fn check_machine(
        &self,
        _lock: &CacheLock,
        world: World,
        source: &Source,
        request: &KernelRequest,
    ) -> Result<World, LabError> {
        let id = world.id();
        let accepted = self.cache.path("machine-accepted");
        if std::fs::read_to_string(&accepted).is_ok_and(|text| text == id) {
            return Ok(world);
        }
        let out = self.cache.scratch()?;
        let tree = source.dir.join("linux");
        let make = Make {
            tree: &tree,
            out: out.path(),
            module: None,
            arch: request.machine.machine().arch(),
        };
        let ended = process::stream(world.make(make, &["rustavailable"]), None, &mut |_| {
            Then::Continue
        })?;
        if ended.status.success() {
            files::write_whole(&accepted, id.as_bytes())?;
            return Ok(world);
        }
        self.progress
            .note("this machine's compilers do not pass `make rustavailable`; using a build root");
        files::write_whole(&self.cache.path("machine-refused"), id.as_bytes())?;
        Root::obtain(&self.cache, &COMPILERS, &*self.progress).map(World::Root)
    }

    pub(super) fn is_refused(&self, tools: &native::Tools) -> bool {
        std::fs::read_to_string(self.cache.path("machine-refused"))
            .is_ok_and(|text| text == tools.id())
    }

    /// The toolchain that kernels are built with.
    pub(super) fn building_world(&self) -> Result<World, LabError> {
        match native::detect() {
            Some(tools) if !self.is_refused(&tools) => Ok(World::Machine(tools)),
            _ => self.existing_world(),
        }
    }

    /// Writes down what is used, in the form of the project's lock file.
    pub(super) fn record(
        &self,
        world: &World,
        source: &Source,
        emulator: Option<&Emulator>,
    ) -> Result<(), LabError> {
        if let (
            World::Root(root),
            SourceInfo::Debian {
                package,
                version,
                sha256,
            },
        ) = (world, &source.info)
        {
            let source = SourcePin {
                suite: debian::BACKPORTS.to_owned(),
                package: package.clone(),
                version: version.clone(),
                sha256: sha256.clone(),
            };
            lockfile::record(
                &self.cache.path("used.toml"),
                &LockFile {
                    source,
                    toolchain: root.packages.clone(),
                    emulator: match emulator {
                        Some(Emulator::Root(root)) => Some(root.packages.clone()),
                        _ => None,
                    },
                },
            )?;
        }
        Ok(())
    }
}
