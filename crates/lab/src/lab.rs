// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The lab as others use it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use crate::cache::{Cache, CacheLock};
use crate::clean::{self, CleanReport, CleanWhat};
use crate::doctor::{self, Doctor};
use crate::emulator::Emulator;
use crate::kernel::{self, Kernel, KernelRequest, Plan};
use crate::lockfile::{self, LockFile, SourcePin};
use crate::machine::{self, Boot, Busybox, Ground, Guest};
use crate::module::{self, Given, OwnModule};
use crate::native;
use crate::process::{self, Then};
use crate::processor::Processor;
use crate::root::{Bind, Kind, Root, COMPILERS};
use crate::series::Series;
use crate::source::{self, Source, SourceInfo};
use crate::world::World;
use crate::{debian, files, program, tree, LabError, Progress};

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

    /// A root; it is made if it is missing.
    fn root(&self, _lock: &CacheLock, kind: &Kind) -> Result<Root, LabError> {
        Root::obtain(&self.cache, kind, &*self.progress)
    }

    /// The emulator of a processor, if there is one to emulate; it is made if it is missing.
    fn emulator(
        &self,
        _lock: &CacheLock,
        processor: Option<&Processor>,
    ) -> Result<Option<Emulator>, LabError> {
        processor
            .map(|processor| Emulator::obtain(&self.cache, processor, &*self.progress))
            .transpose()
    }

    /// The programs of a guest: the toolchain's, unless its processor is another one.
    fn busybox(&self, processor: Option<&Processor>) -> Result<Busybox, LabError> {
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
    fn ground(
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
    fn require_space(&self, request: &KernelRequest) -> Result<(), LabError> {
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
    fn existing_world(&self) -> Result<World, LabError> {
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
    fn check_machine(
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
        let make = crate::world::Make {
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

    fn is_refused(&self, tools: &native::Tools) -> bool {
        std::fs::read_to_string(self.cache.path("machine-refused"))
            .is_ok_and(|text| text == tools.id())
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

    /// The toolchain that kernels are built with.
    fn building_world(&self) -> Result<World, LabError> {
        match native::detect() {
            Some(tools) if !self.is_refused(&tools) => Ok(World::Machine(tools)),
            _ => self.existing_world(),
        }
    }

    /// Writes down what is used, in the form of the project's lock file.
    fn record(
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
