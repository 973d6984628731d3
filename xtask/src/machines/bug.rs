//! Bugs of real drivers, each with and without: caught the one time, silent the other. A further one is an entry in the list,
//! and a patch.
//!
//! The driver is compiled as a module of another name, from the kernel's own source, and takes the place of the
//! one in the kernel, which is kept from starting.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{bail, Context, Result};
use diffy::Patch;
use dmasan_lab::{Boot, Device, Guest, GuestModule, Kernel, Lab};
use dmasan_report::{Kind, Report};

use super::workload::{COMMON, NET};
use crate::command::root;
use crate::steps::guest;
use crate::tally::Tally;

/// A driver in which there is a bug, or was.
struct Bug {
    name: &'static str,
    /// The folder of its Kbuild in `linux/bugs/`, and what its module is called before `_trial`.
    driver: &'static str,
    /// Where the driver is in the kernel's tree.
    place: &'static str,
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
    /// The function that has made the mapping which is forgotten.
    mapper: &'static str,
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

const SCARCE: &str = include_str!("../../workloads/scarce.sh");
const GAPS: &str = include_str!("../../workloads/gaps.rs");

const BUGS: &[Bug] = &[
    Bug {
        name: "nvme-sgl-list",
        driver: "nvme",
        place: "drivers/nvme/host",
        patch: Difference::PutsBack("linux/bugs/nvme/sgl-list.patch"),
        device: Device::Nvme,
        init: "nvme_init",
        // Scatter-gather lists are for requests of any size.
        parameters: "sgl_threshold=1",
        script: SCARCE,
        arguments: "gaps",
        mapper: "nvme_prep_rq",
    },
    Bug {
        name: "nvme-prp-list",
        driver: "nvme",
        place: "drivers/nvme/host",
        patch: Difference::Mends("docs/findings/nvme-unmap-all-of-the-request.patch"),
        device: Device::Nvme,
        init: "nvme_init",
        // No scatter-gather lists.
        parameters: "sgl_threshold=0",
        script: SCARCE,
        arguments: "pages",
        mapper: "nvme_prep_rq",
    },
    Bug {
        name: "igb-order",
        driver: "igb",
        place: "drivers/net/ethernet/intel/igb",
        patch: Difference::Mends("docs/findings/igb-unmap-before-free.patch"),
        device: Device::Igb,
        init: "igb_init_module",
        parameters: "",
        script: NET,
        arguments: "igb slot",
        mapper: "igb_xmit_frame_ring",
    },
];

/// The devices whose drivers these are.
pub(super) fn devices() -> impl Iterator<Item = Device> {
    BUGS.iter().map(|bug| bug.device)
}

/// Two tests with each bug, and three without it.
pub(super) fn run(lab: &Lab, kernel: &Kernel) -> Result<Tally> {
    let mut tally = Tally::default();
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("gaps.rs"), GAPS)?;
    lab.program(
        kernel,
        "rustc --edition 2021 -O -C target-feature=+crt-static -o /result/gaps /result/gaps.rs",
        folder.path(),
    )?;
    let gaps = folder.path().join("gaps");
    for bug in BUGS {
        let what = format!("{}, {}", kernel.machine, bug.name);

        let boot = bug.boot(lab, kernel, true, &gaps)?;
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

        let boot = bug.boot(lab, kernel, false, &gaps)?;
        let what = format!("{what}, mended");
        guest::expect_silence(&mut tally, &what, &boot);
        tally.check(&format!("{what}: the work is done"), boot.exit == Some(0));
    }
    Ok(tally)
}

impl Bug {
    fn explains(&self, report: &Report) -> bool {
        let mut mappings = report.mappings.iter();
        report.kind == Kind::FreedWhileMapped
            && mappings.any(|mapping| {
                let mut frames = mapping.mapped.frames.iter();
                frames.any(|frame| frame.function == self.mapper)
            })
    }

    fn boot(&self, lab: &Lab, kernel: &Kernel, buggy: bool, gaps: &Path) -> Result<Boot> {
        let source = self.source(kernel, buggy)?;
        let modules = lab
            .module(kernel, &source)
            .with_context(|| format!("cannot compile {}", source.display()))?;
        let [module] = &modules[..] else {
            bail!("{} has not become one module", source.display());
        };
        let folder = tempfile::tempdir()?;
        let script = folder.path().join("workload.sh");
        fs::write(&script, self.script)?;
        let common = folder.path().join("common.sh");
        fs::write(&common, COMMON)?;
        let guest = Guest {
            modules: vec![GuestModule {
                path: module.clone(),
                params: self.parameters.to_owned(),
            }],
            command: guest::words(&format!("sh /workload.sh {}", self.arguments)),
            files: vec![
                (script, "/workload.sh".to_owned()),
                (common, "/common.sh".to_owned()),
                (gaps.to_owned(), "/gaps".to_owned()),
            ],
            append: guest::words(&format!(
                "iommu.debug_pagealloc=1 iommu.debug_pagealloc.origins=1 iommu.strict=1 initcall_blacklist={}",
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
        copy_files(&kernel.tree.join(self.place), &folder)?;
        copy_files(&root().join("linux/bugs").join(self.driver), &folder)?;
        if self.patch.applies(buggy) {
            let path = root().join(self.patch.path());
            let text = fs::read_to_string(&path)?;
            apply(&text, self.place, &folder)
                .with_context(|| format!("{} does not fit", path.display()))?;
        }
        Ok(folder)
    }
}

/// The files of a folder, and not the folders in it.
fn copy_files(from: &Path, to: &Path) -> Result<()> {
    let list = fs::read_dir(from).with_context(|| format!("cannot list {}", from.display()))?;
    for entry in list {
        let entry = entry?;
        let name = entry.file_name();
        let is_source =
            ["c", "h"].map(|end| Path::new(&name).extension().is_some_and(|e| e == end));
        if entry.path().is_file() && (is_source.contains(&true) || name == "Kbuild") {
            fs::copy(entry.path(), to.join(name))?;
        }
    }
    Ok(())
}

/// Applies a patch of one file in the folder `place` of the kernel to a copy of that.
fn apply(text: &str, place: &str, folder: &Path) -> Result<()> {
    let patch = Patch::from_str(text)?;
    let path = patch
        .original()
        .and_then(|path| path.strip_prefix("a/"))
        .and_then(|path| path.strip_prefix(place))
        .and_then(|path| path.strip_prefix('/'));
    let Some(name) = path else {
        bail!("it is not about a file in {place}");
    };
    let file = folder.join(name);
    let changed = diffy::apply(&fs::read_to_string(&file)?, &patch)?;
    fs::write(file, changed)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_patches_are_about_their_drivers_and_make_a_difference() {
        for bug in BUGS {
            let text = fs::read_to_string(root().join(bug.patch.path())).unwrap();
            let patch = Patch::from_str(&text).unwrap();
            let path = patch.original().unwrap().strip_prefix("a/").unwrap();
            assert!(path.starts_with(bug.place), "{}", bug.name);
            assert!(!patch.hunks().is_empty(), "{}", bug.name);
            assert_ne!(bug.patch.applies(true), bug.patch.applies(false));
        }
    }

    #[test]
    fn a_patch_of_another_folder_is_refused() {
        let text = "--- a/x/y.c\n+++ b/x/y.c\n@@ -1 +1 @@\n-a\n+b\n";
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("y.c"), "a\n").unwrap();
        assert!(apply(text, "z", folder.path()).is_err());
        apply(text, "x", folder.path()).unwrap();
        let changed = fs::read_to_string(folder.path().join("y.c")).unwrap();
        assert_eq!(changed, "b\n");
    }
}
