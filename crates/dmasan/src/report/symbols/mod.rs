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
use image::{Image, Resolved};
use modules::Modules;

/// What has to be set in a kernel to have lines in it.
const SETTINGS: &str = "CONFIG_DEBUG_INFO_DWARF_TOOLCHAIN_DEFAULT=y (or _DWARF5=y), without \
                        CONFIG_DEBUG_INFO_REDUCED and CONFIG_DEBUG_INFO_SPLIT";

/// The kernel and its modules as files.
pub(super) struct Symbols {
    kernel: Option<Image>,
    modules: Option<Modules>,
    loaded: HashMap<String, Option<Image>>,
    sources: Sources,
    hints: BTreeSet<String>,
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
            loaded: HashMap::new(),
            sources: Sources::new(source.map(Path::to_owned)),
            hints: BTreeSet::new(),
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

    /// What would have made the result better, a sentence each.
    pub(super) fn hints(&self) -> impl Iterator<Item = &String> {
        self.hints.iter()
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
        let Some(image) = self.image(frame.module.as_deref()) else {
            return;
        };
        let Resolved { places, doubt } = image.resolve(frame);
        let root = image.root().map(Path::to_owned);
        frame.doubt = doubt;
        frame.source = places
            .into_iter()
            .map(|place| {
                let text = place.line.and_then(|n| self.sources.line(&place.file, n));
                Source {
                    function: place.function,
                    file: self.sources.shown(&place.file, root.as_deref()),
                    line: place.line,
                    text,
                }
            })
            .collect();
    }

    /// The file that a module, or the kernel, is in.
    fn image(&mut self, module: Option<&str>) -> Option<&Image> {
        let Some(module) = module else {
            return self.kernel.as_ref();
        };
        if !self.loaded.contains_key(module) {
            let image = self.load(module);
            self.loaded.insert(module.to_owned(), image);
        }
        self.loaded.get(module)?.as_ref()
    }

    fn load(&mut self, module: &str) -> Option<Image> {
        let modules = self.modules.as_mut()?;
        let mut images = Vec::new();
        for path in modules.find(module) {
            match Image::open(&path) {
                Ok(image) => images.push(image),
                Err(error) => {
                    self.hints.insert(format!("{error:#}"));
                }
            }
        }
        // A module may be there stripped and with its debug information.
        images.sort_by_key(|image| !image.has_lines());
        let Some(image) = images.into_iter().next() else {
            let folder = modules.folder().display();
            self.hints.insert(format!(
                "no {module}.ko under {folder}: say where modules are with --modules"
            ));
            return None;
        };
        if !image.has_lines() {
            self.hints.insert(format!(
                "{} has no debug information: build it against a kernel with {SETTINGS}, and do \
                 not strip it (INSTALL_MOD_STRIP)",
                image.path().display()
            ));
        }
        Some(image)
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

#[cfg(test)]
mod tests;
