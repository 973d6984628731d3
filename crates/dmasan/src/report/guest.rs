// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Reports of a guest of the lab, whose kernel and modules are known.

use std::path::PathBuf;

use dmasan_lab::{Guest, Kernel};
use dmasan_report::Report;

use super::symbols::Symbols;

/// How to get lines.
const HINT: &str =
    "`ccflags-y += -g` in a module's Kbuild (in Rust `rustflags-y += -Cdebuginfo=2`) shows \
     where in its source that is; for the kernel's, CONFIG_DEBUG_INFO_DWARF_TOOLCHAIN_DEFAULT=y \
     in a file, and --config FILE";

/// Where functions of a guest are in the source, as far as its kernel and modules were built with
/// debug information.
#[derive(Default)]
pub(crate) struct GuestSymbols {
    vmlinux: PathBuf,
    modules: Vec<PathBuf>,
    sources: Vec<PathBuf>,
    /// Debug information is large: it is read when there is something to look up.
    symbols: Option<Symbols>,
}

impl GuestSymbols {
    /// The files, which are not opened yet.
    pub(crate) fn new(kernel: &Kernel, modules: Vec<PathBuf>) -> Self {
        // The lab builds a module from a copy of its source, which lies beside it.
        let folders = modules.iter().filter_map(|path| path.parent());
        let folders = folders.map(PathBuf::from);
        Self {
            vmlinux: kernel.build_dir.join("vmlinux"),
            sources: folders.chain([kernel.tree.clone()]).collect(),
            modules,
            symbols: None,
        }
    }

    /// The files for what a guest is given.
    pub(crate) fn of_guest(kernel: &Kernel, guest: &Guest) -> Self {
        let modules = guest.modules.iter().map(|module| module.path.clone());
        Self::new(kernel, modules.collect())
    }

    /// Finds the source of the frames of a report.
    pub(crate) fn resolve(&mut self, report: &mut Report) {
        self.symbols().resolve(report);
    }

    /// What would tell more about the reports.
    pub(crate) fn hints(&mut self) -> Vec<String> {
        let symbols = self.symbols();
        let mut hints = symbols.hints();
        if !symbols.has_lines() {
            hints.push(HINT.to_owned());
        }
        hints
    }

    fn symbols(&mut self) -> &mut Symbols {
        let open = || Symbols::of_files(&self.vmlinux, &self.modules, self.sources.clone());
        self.symbols.get_or_insert_with(open)
    }
}
