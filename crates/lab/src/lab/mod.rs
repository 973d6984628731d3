// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The lab as others use it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cache::Cache;
use crate::clean::{self, CleanReport, CleanWhat};
use crate::doctor::{self, Doctor};
use crate::emulator::Emulator;
use crate::kernel::{self, Kernel, KernelRequest, Plan};
use crate::machine::{self, Boot, Ground, Guest};
use crate::module::{self, Given, OwnModule};
use crate::process::{self, Then};
use crate::processor::Processor;
use crate::root::{Bind, COMPILERS};
use crate::series::Series;
use crate::world::World;
use crate::{program, tree, LabError, Progress};

mod ground;

/// From a bare machine to a booted kernel.
///
/// All methods may be called from several threads; those that change the cache wait for each
/// other, boots run side by side.
pub struct Lab {
    cache: Cache,
    progress: Arc<dyn Progress>,
    series: Series,
}

/// A command to be run in the build root.
#[derive(Debug, Clone, Default)]
pub struct RootCommand {
    /// Folders that it sees: where they lie here, and their absolute path there.
    pub binds: Vec<(PathBuf, String)>,
    /// The folder to run in, as seen there.
    pub cwd: String,
    /// The program and its arguments.
    pub argv: Vec<String>,
}

impl Lab {
    /// Opens the lab, with its cache in `cache_dir`, or in `$DMASAN_CACHE`,
    /// `$XDG_CACHE_HOME/dmasan` or `~/.cache/dmasan`.
    ///
    /// # Errors
    ///
    /// There is no place for the cache, or it cannot be created.
    pub fn open(cache_dir: Option<PathBuf>, progress: Arc<dyn Progress>) -> Result<Lab, LabError> {
        Ok(Lab {
            cache: Cache::open(cache_dir)?,
            progress,
            series: Series::embedded()?,
        })
    }

    /// Where the cache is.
    #[must_use]
    pub fn cache_dir(&self) -> PathBuf {
        self.cache.path("")
    }

    /// The kernel that is asked for. Whatever is missing is downloaded and built; a kernel that is
    /// up to date is known at once.
    ///
    /// # Errors
    ///
    /// Whatever can go wrong on the way, see [`LabError`]. The cache stays sound: the same call
    /// goes on from there.
    pub fn kernel(&self, request: &KernelRequest) -> Result<Kernel, LabError> {
        let lock = self.cache.lock(&*self.progress)?;
        let (mut world, source) = self.ground(&lock, request)?;
        // Before the kernel is built: what cannot be booted need not be.
        let processor = request.machine.machine().processor();
        let emulator = self.emulator(&lock, processor)?;
        if let Some(programs) = processor.and_then(Processor::programs) {
            self.root(&lock, programs)?;
        }
        if let World::Machine(_) = world {
            world = self.check_machine(&lock, world, &source, request)?;
        }
        let machine = request.machine.machine();
        let plan = Plan {
            request,
            machine,
            world: &world,
            source: &source,
            wanted: kernel::compose(request, machine, self.series.is_empty())?,
            state: tree::state(&source, &self.series),
        };
        if tree::is_current(&source, &plan.state) {
            if let Some(kernel) = kernel::current(&self.cache, &plan) {
                return Ok(kernel);
            }
        }
        if let Some(fit) = tree::sync(&source, &self.series)? {
            if fit.moved > 0 {
                self.progress.note(&format!(
                    "the series is written for Linux {}; {} of its hunks fit {} elsewhere than they say",
                    fit.written_for, fit.moved, fit.version
                ));
            }
        }
        self.record(&world, &source, emulator.as_ref())?;
        kernel::build(&self.cache, &plan, &*self.progress)
    }

    /// The modules that `path` stands for: a `.ko` is returned as it is, a folder with a `Kbuild`
    /// or `Makefile` is built against the kernel. The folder is not written to.
    ///
    /// # Errors
    ///
    /// The path is no module, or does not compile.
    pub fn module(&self, kernel: &Kernel, path: &Path) -> Result<Vec<PathBuf>, LabError> {
        match module::look(path)? {
            Given::Built(path) => Ok(vec![path]),
            Given::Folder(path, sources) => {
                let title = path
                    .file_name()
                    .map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy());
                self.build_module(kernel, &path, &title, &sources)
            }
        }
    }

    /// The project's own zoo of buggy drivers, built against the kernel.
    ///
    /// # Errors
    ///
    /// As for [`Lab::own_module`].
    pub fn zoo(&self, kernel: &Kernel) -> Result<PathBuf, LabError> {
        self.own_module(kernel, OwnModule::Zoo)
    }

    /// A module of the project's own, built against the kernel.
    ///
    /// # Errors
    ///
    /// It does not compile, which for a kernel of this lab is a bug of ours.
    pub fn own_module(&self, kernel: &Kernel, own: OwnModule) -> Result<PathBuf, LabError> {
        let name = own.name();
        let modules = self.build_module(kernel, Path::new(name), name, &own.sources())?;
        modules
            .into_iter()
            .next()
            .ok_or_else(|| LabError::NotAModule {
                path: name.into(),
                why: "it made no .ko".to_owned(),
            })
    }

    /// Compiles programs of the kernel's tree for a guest, with a shell script that runs in the build root. The script
    /// sees the tree in `/src`, the kernel's headers for user space in `/out/usr/include`, and `result` in `/result`.
    ///
    /// # Errors
    ///
    /// It does not compile, or the kernel is for another processor than this machine has.
    pub fn program(&self, kernel: &Kernel, script: &str, result: &Path) -> Result<(), LabError> {
        let lock = self.cache.lock(&*self.progress)?;
        let root = self.root(&lock, &COMPILERS)?;
        program::build(&self.cache, &root, kernel, script, result)
    }

    /// Boots the kernel; every line of the console is handed to `on_line` as it comes.
    ///
    /// # Errors
    ///
    /// The machine cannot be started. A guest that fails, panics or runs out of time is not an
    /// error here, see [`Boot`].
    pub fn boot(
        &self,
        kernel: &Kernel,
        guest: &Guest,
        on_line: &mut dyn FnMut(&str),
    ) -> Result<Boot, LabError> {
        let processor = kernel.machine.machine().processor();
        let busybox = self.busybox(processor)?;
        let existing = processor.and_then(|processor| Emulator::existing(&self.cache, processor));
        let emulator = match (processor, existing) {
            (Some(_), None) => {
                let lock = self.cache.lock(&*self.progress)?;
                self.emulator(&lock, processor)?
            }
            (_, existing) => existing,
        };
        let ground = Ground {
            cache: &self.cache,
            kernel,
            busybox: &busybox,
            emulator: emulator.as_ref(),
        };
        machine::boot(ground, guest, on_line)
    }

    /// What the machine has and lacks. Changes nothing.
    #[must_use]
    pub fn doctor(&self) -> Doctor {
        doctor::examine(&self.cache)
    }

    /// Gives disk space back.
    ///
    /// # Errors
    ///
    /// Something cannot be removed.
    pub fn clean(&self, what: CleanWhat) -> Result<CleanReport, LabError> {
        let lock = self.cache.lock(&*self.progress)?;
        clean::clean(&self.cache, &lock, what)
    }

    /// Runs a command in the build root, which is made if there is none; its exit status. It sees
    /// the folders that it is given and nothing else of the machine.
    ///
    /// # Errors
    ///
    /// The build root cannot be made or entered.
    pub fn in_build_root(
        &self,
        command: &RootCommand,
        on_line: &mut dyn FnMut(&str),
    ) -> Result<Option<i32>, LabError> {
        let root = {
            let lock = self.cache.lock(&*self.progress)?;
            self.root(&lock, &COMPILERS)?
        };
        let binds: Vec<Bind> = command
            .binds
            .iter()
            .map(|(host, guest)| Bind::new(host, guest))
            .collect();
        let argv: Vec<&str> = command.argv.iter().map(String::as_str).collect();
        let ended = process::stream(
            root.command(&binds, &command.cwd, &argv),
            None,
            &mut |line| {
                on_line(line);
                Then::Continue
            },
        )?;
        Ok(ended.status.code())
    }

    fn build_module(
        &self,
        kernel: &Kernel,
        name: &Path,
        title: &str,
        sources: &[(String, Vec<u8>)],
    ) -> Result<Vec<PathBuf>, LabError> {
        let _lock = self.cache.lock(&*self.progress)?;
        if !kernel::is_intact(kernel) {
            return Err(LabError::Overtaken);
        }
        let world = self.building_world()?;
        module::build(
            &self.cache,
            &world,
            kernel,
            name,
            title,
            sources,
            &*self.progress,
        )
    }
}
