// SPDX-License-Identifier: Apache-2.0 OR MIT

//! From `function+0xoff/0xlen [module]` to the line in the source.

mod dwarf;
mod image;
mod layout;
mod modules;
mod table;

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use anyhow::Context;
use dmasan_report::{Frame, Report, Source};

use super::sources::Sources;
use image::{Image, Place, Resolved};
use modules::Modules;

/// What has to be set in a kernel to have lines in it.
const SETTINGS: &str = "CONFIG_DEBUG_INFO_DWARF_TOOLCHAIN_DEFAULT=y (or _DWARF5=y), without \
                        CONFIG_DEBUG_INFO_REDUCED and CONFIG_DEBUG_INFO_SPLIT";

/// The kernel and its modules as files.
pub(super) struct Symbols {
    kernel: Option<Image>,
    modules: Option<Modules>,
    /// Whether there are no other modules to be looked for.
    is_complete: bool,
    loaded: HashMap<String, Vec<Image>>,
    sources: Sources,
    hints: BTreeSet<String>,
    looked_up: u64,
    misfits: u64,
}

impl Symbols {
    /// `vmlinux` may be the file, or the build folder that it is in; modules are looked for under
    /// `modules`, or in that folder.
    pub(super) fn open(
        vmlinux: Option<&Path>,
        modules: Option<&Path>,
        source: Option<&Path>,
    ) -> anyhow::Result<Self> {
        let vmlinux = vmlinux.map(|path| {
            let inside = path.join("vmlinux");
            if path.is_dir() {
                inside
            } else {
                path.to_owned()
            }
        });
        let beside = vmlinux.as_deref().and_then(Path::parent);
        let beside = beside.filter(|folder| is_build_folder(folder));
        let folder = modules.or(beside).map(|path| match path.as_os_str() {
            empty if empty.is_empty() => PathBuf::from("."),
            _ => path.to_owned(),
        });
        let kernel = match &vmlinux {
            Some(path) => Some(Image::open(path)?),
            None => None,
        };
        let mut symbols = Self {
            kernel,
            modules: folder.map(Modules::new),
            is_complete: false,
            loaded: HashMap::new(),
            sources: Sources::new(source.map(Path::to_owned).into_iter().collect()),
            hints: BTreeSet::new(),
            looked_up: 0,
            misfits: 0,
        };
        if let Some(folder) = modules {
            std::fs::read_dir(folder).with_context(|| {
                format!("cannot read the folder of modules {}", folder.display())
            })?;
        }
        if let Some(kernel) = &symbols.kernel {
            if !kernel.has_lines() {
                symbols.hints.insert(format!(
                    "{} has no debug information, so functions could be checked, but lines are not \
                     known: build the kernel with {SETTINGS}",
                    kernel.path().display()
                ));
            }
        }
        Ok(symbols)
    }

    /// These files and no others, as far as they have debug information: the kernel that writes the
    /// log, and modules that are in it.
    pub(super) fn of_files(vmlinux: &Path, modules: &[PathBuf], sources: Vec<PathBuf>) -> Self {
        let mut hints = BTreeSet::new();
        let mut open = |path: &Path| match Image::with_lines(path) {
            Ok(image) => image,
            Err(error) => {
                hints.insert(format!("{error:#}"));
                None
            }
        };
        let kernel = open(vmlinux);
        let mut loaded: HashMap<String, Vec<Image>> = HashMap::new();
        for path in modules {
            let file = path.file_name().and_then(|file| file.to_str());
            if let Some(name) = file.and_then(modules::module_name) {
                loaded.entry(name).or_default().extend(open(path));
            }
        }
        Self {
            kernel,
            modules: None,
            is_complete: true,
            loaded,
            sources: Sources::new(sources),
            hints,
            looked_up: 0,
            misfits: 0,
        }
    }

    /// Whether any of the files tells where in the source something is.
    pub(super) fn has_lines(&self) -> bool {
        let modules = self.loaded.values().flatten();
        self.kernel.iter().chain(modules).any(Image::has_lines)
    }

    /// What would have made the result better, a sentence each.
    pub(super) fn hints(&self) -> Vec<String> {
        let mut hints: Vec<String> = self.hints.iter().cloned().collect();
        if self.misfits > 0 {
            hints.push(format!(
                "{} of {} functions are not in these files as the log has them: were they built \
                 together with the kernel that wrote it?",
                self.misfits, self.looked_up
            ));
        }
        hints
    }

    /// Finds the source of all frames of a report that are worth reading.
    pub(super) fn resolve(&mut self, report: &mut Report) {
        self.compare_releases(report);
        let reliable = report
            .stacks()
            .any(|(_, s)| s.frames.iter().any(|f| f.reliable));
        for frame in report.frames_mut() {
            if frame.reliable || !reliable {
                self.resolve_frame(frame);
            }
        }
    }

    fn resolve_frame(&mut self, frame: &mut Frame) {
        if let Some(module) = &frame.module {
            self.load(module);
        }
        let images = match &frame.module {
            Some(module) => self.loaded.get(module).map_or(&[][..], Vec::as_slice),
            None => self.kernel.as_slice(),
        };
        // There may be modules of several builds.
        let Some(image) = images.iter().find(|i| i.has(frame)).or(images.first()) else {
            return;
        };
        self.looked_up += 1;
        self.misfits += u64::from(!image.has(frame));
        let Resolved { places, doubt } = image.resolve(frame);
        frame.doubt = doubt;
        let sources = &mut self.sources;
        let source = |place: Place| Source {
            text: place.line.and_then(|line| sources.line(&place.file, line)),
            file: sources.shown(&place.file, image.root()),
            function: place.function,
            line: place.line,
        };
        frame.source = places.into_iter().map(source).collect();
    }

    /// Opens the files that a module may be in.
    fn load(&mut self, module: &str) {
        if self.is_complete {
            return;
        }
        let Some(modules) = self.modules.as_mut() else {
            if self.kernel.is_some() {
                self.hints
                    .insert("--modules DIR shows where in the modules that is".to_owned());
            }
            return;
        };
        if self.loaded.contains_key(module) {
            return;
        }
        let mut images = Vec::new();
        for path in modules.find(module) {
            match Image::open(&path) {
                Ok(image) => images.push(image),
                Err(error) => {
                    self.hints.insert(format!("{error:#}"));
                }
            }
        }
        // A module may be there both stripped and with its debug information.
        images.sort_by_key(|image| !image.has_lines());
        match images.first() {
            Some(image) if !image.has_lines() => {
                self.hints.insert(format!(
                    "{} has no debug information: build it against a kernel that has, and do not \
                     strip it",
                    image.path().display()
                ));
            }
            Some(_) => {}
            None => {
                let folder = modules.folder().display();
                self.hints.insert(format!(
                    "no {module}.ko under {folder}: say with --modules where it is"
                ));
            }
        }
        self.loaded.insert(module.to_owned(), images);
    }

    /// Frames of one kernel looked up in another are nonsense, mostly.
    fn compare_releases(&mut self, report: &Report) {
        let Some(kernel) = &self.kernel else { return };
        if let (Some(said), Some(here)) = (&report.kernel, kernel.release()) {
            if said != here {
                self.hints.insert(format!(
                    "the log is of Linux {said}, {} of {here}",
                    kernel.path().display()
                ));
            }
        }
    }
}

/// Whether a kernel was built in a folder. Others may be anything, the whole disk included.
fn is_build_folder(folder: &Path) -> bool {
    const MARKS: [&str; 3] = [".config", "Module.symvers", "modules.order"];
    MARKS.iter().any(|name| folder.join(name).is_file())
}

#[cfg(test)]
mod tests;
