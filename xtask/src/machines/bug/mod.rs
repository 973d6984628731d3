//! Bugs of real drivers, each with and without: caught the one time, silent the other. A further one is an entry in
//! `list.rs`, and a patch.
//!
//! The driver is compiled as a module of another name, from the kernel's own source, and takes the place of the
//! one in the kernel, which is kept from starting.

mod list;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{bail, Context, Result};
use diffy::Patch;
use dmasan_lab::{Boot, Device, Guest, GuestModule, Kernel, Lab};
use dmasan_report::{Kind, Report};

use self::list::{BUGS, PROGRAMS};
use super::workload::{self, SCRIPT};
use crate::command::root;
use crate::steps::guest;
use crate::tally::Tally;

/// A driver in which there is a bug, or was.
struct Bug {
    name: &'static str,
    /// The folder of its Kbuild in `linux/bugs/`, and what its module is called before `_trial`.
    driver: &'static str,
    /// Where the driver is in the kernel's tree: files, and folders of them.
    sources: &'static [&'static str],
    /// What makes the difference.
    patch: Difference,
    device: Device,
    /// The function that starts the driver in the kernel.
    init: &'static str,
    /// The module's parameters.
    parameters: &'static str,
    script: &'static str,
    /// What is given to the script.
    arguments: &'static str,
    /// Whether the module can be unloaded afterwards.
    unloads: bool,
    /// What there may be to report; it depends on the IOMMU's page tables.
    kinds: &'static [Kind],
    /// A function on the stack that has made the mapping, or has taken too much of it away.
    caller: &'static str,
}

/// What a patch does.
#[derive(Clone, Copy)]
enum Difference {
    /// It puts a bug back that has been mended.
    PutsBack(&'static str),
    /// It mends a bug that is in the kernel.
    Mends(&'static str),
}

impl Difference {
    fn path(self) -> &'static str {
        match self {
            Difference::PutsBack(path) | Difference::Mends(path) => path,
        }
    }

    /// Whether the patch has to be applied to have the bug, or not to have it.
    fn applies(self, buggy: bool) -> bool {
        matches!(self, Difference::PutsBack(_)) == buggy
    }
}

/// Reports that the console has time for.
const FEW: &str = "iommu.debug_pagealloc.reports=32";

/// Two tests with each bug, and three without it.
pub(super) fn run(lab: &Lab, kernel: &Kernel) -> Result<Tally> {
    let mut tally = Tally::default();
    let folder = tempfile::tempdir()?;
    let programs = programs(lab, kernel, folder.path())?;
    for bug in BUGS {
        let what = format!("{}, {}", kernel.machine, bug.name);

        let boot = bug.boot(lab, kernel, true, &programs)?;
        guest::expect_end(&mut tally, &format!("{what}, buggy"), &boot);
        let reports = guest::reports(&boot);
        let (right, wrong): (Vec<_>, Vec<_>) = reports.iter().partition(|one| bug.explains(one));
        for report in &wrong {
            println!("{report}");
        }
        if right.is_empty() {
            println!("   {what}: not caught, see {}", boot.log.display());
        }
        tally.check(
            &format!("{what}, buggy: caught, and nothing else"),
            !right.is_empty() && wrong.is_empty(),
        );

        let boot = bug.boot(lab, kernel, false, &programs)?;
        let what = format!("{what}, mended");
        guest::expect_silence(&mut tally, &what, &boot);
        tally.check(&format!("{what}: the work is done"), boot.exit == Some(0));
    }
    Ok(tally)
}

/// The programs that scripts use, compiled in `folder`, as files for a guest.
fn programs(lab: &Lab, kernel: &Kernel, folder: &Path) -> Result<Vec<(PathBuf, String)>> {
    const COMPILE: &str = "rustc --edition 2021 -O -C target-feature=+crt-static -C strip=symbols";
    let mut script = "cd /result".to_owned();
    let mut files = Vec::new();
    for (name, text) in PROGRAMS {
        fs::write(folder.join(name).with_extension("rs"), text)?;
        script += &format!("\n{COMPILE} {name}.rs");
        files.push((folder.join(name), format!("/{name}")));
    }
    lab.program(kernel, &script, folder)?;
    Ok(files)
}

impl Bug {
    fn explains(&self, report: &Report) -> bool {
        let mappings = report.mappings.iter().map(|mapping| &mapping.mapped);
        let mut stacks = mappings.chain([&report.stack]);
        self.kinds.contains(&report.kind)
            && stacks.any(|stack| {
                let mut frames = stack.frames.iter();
                frames.any(|frame| frame.function == self.caller)
            })
    }

    fn boot(
        &self,
        lab: &Lab,
        kernel: &Kernel,
        buggy: bool,
        programs: &[(PathBuf, String)],
    ) -> Result<Boot> {
        let source = self.source(kernel, buggy)?;
        let modules = lab
            .module(kernel, &source)
            .with_context(|| format!("cannot compile {}", source.display()))?;
        let [module] = &modules[..] else {
            bail!("{} has not become one module", source.display());
        };
        let folder = tempfile::tempdir()?;
        let mut files = workload::files(folder.path(), self.script)?;
        files.extend_from_slice(programs);
        let unload = if self.unloads && !buggy {
            format!("rmmod {}_trial", self.driver)
        } else {
            "true".to_owned()
        };
        let command = format!("sh {SCRIPT} {} && {unload}", self.arguments);
        let guest = Guest {
            modules: vec![GuestModule {
                path: module.clone(),
                params: self.parameters.to_owned(),
            }],
            command: ["sh", "-c", &command].map(str::to_owned).to_vec(),
            files,
            append: guest::words(&format!(
                "iommu.debug_pagealloc=1 iommu.debug_pagealloc.origins=1 {FEW} iommu.strict=1 initcall_blacklist={}",
                self.init
            )),
            devices: vec![self.device],
            timeout: Duration::from_secs(240),
            ..Guest::default()
        };
        lab.boot(kernel, &guest, &mut |_| ()).context("cannot boot")
    }

    /// The driver's source as a module of its own, with the bug or without.
    fn source(&self, kernel: &Kernel, buggy: bool) -> Result<PathBuf> {
        let kind = if buggy { "buggy" } else { "mended" };
        // Where it is compiled goes by this name: one that lasts, so that it is compiled once.
        let folder = root().join(format!("target/bugs/{}-{kind}", self.name));
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        for source in self.sources {
            copy(&kernel.tree.join(source), &folder)?;
        }
        copy(&root().join("linux/bugs").join(self.driver), &folder)?;
        if self.patch.applies(buggy) {
            let path = root().join(self.patch.path());
            let text = fs::read_to_string(&path)?;
            apply(&text, self.sources, &folder)
                .with_context(|| format!("{} does not fit", path.display()))?;
        }
        Ok(folder)
    }
}

/// Copies a file, or the sources in a folder and not in the folders in it.
fn copy(from: &Path, to: &Path) -> Result<()> {
    if from.is_file() {
        let name = from.file_name().context("a file without a name")?;
        fs::copy(from, to.join(name))?;
        return Ok(());
    }
    let list = fs::read_dir(from).with_context(|| format!("cannot list {}", from.display()))?;
    for entry in list {
        let path = entry?.path();
        let is_source = path.ends_with("Kbuild")
            || path.extension().is_some_and(|end| end == "c" || end == "h");
        if path.is_file() && is_source {
            copy(&path, to)?;
        }
    }
    Ok(())
}

/// Applies a patch of one file of the kernel to a copy of its `sources` in one folder.
fn apply(text: &str, sources: &[&str], folder: &Path) -> Result<()> {
    let patch = Patch::from_str(text)?;
    let path = patch.original().and_then(|path| path.strip_prefix("a/"));
    let Some((place, name)) = path.and_then(|path| path.rsplit_once('/')) else {
        bail!("it does not say which file it is about");
    };
    if !sources
        .iter()
        .any(|source| *source == place || path == Some(source))
    {
        bail!("it is about another driver");
    }
    let file = folder.join(name);
    let changed = diffy::apply(&fs::read_to_string(&file)?, &patch)?;
    fs::write(file, changed)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_patches_are_there_and_make_a_difference() {
        for bug in BUGS {
            let text = fs::read_to_string(root().join(bug.patch.path())).unwrap();
            assert!(
                !Patch::from_str(&text).unwrap().hunks().is_empty(),
                "{}",
                bug.name
            );
            assert_ne!(bug.patch.applies(true), bug.patch.applies(false));
        }
    }

    #[test]
    fn a_patch_of_another_driver_is_refused() {
        let text = "--- a/x/y.c\n+++ b/x/y.c\n@@ -1 +1 @@\n-a\n+b\n";
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("y.c");
        for (sources, fits) in [
            (["z"], false),
            (["x"], true),
            (["x/y.c"], true),
            (["x/z.c"], false),
        ] {
            fs::write(&file, "a\n").unwrap();
            assert_eq!(
                apply(text, &sources, folder.path()).is_ok(),
                fits,
                "{sources:?}"
            );
            let left = if fits { "b\n" } else { "a\n" };
            assert_eq!(fs::read_to_string(&file).unwrap(), left);
        }
    }
}
