//! How many instructions a hook takes in a booted kernel, all that it calls included: of this sanitizer, and of the
//! kernel's own. `gdb` steps through them, so the figures do not depend on how busy the machine is.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{ensure, Context, Result};
use dmasan_lab::{
    Guest, GuestModule, Implementation, Kernel, KernelRequest, Lab, MachineKind, OwnModule, Quiet,
};

use crate::tally::Tally;

const SCRIPT: &str = include_str!("paths.gdb");

/// As `dmasan bench` measures it.
const PLAIN: (&str, &str) = ("plain", "# CONFIG_DEBUG_GENERIC_PT is not set\n");

/// Calls that go by first, until page tables are there and marks are set.
const SKIPPED: u32 = 300;

/// Calls that are counted.
const COUNTED: u32 = 15;

/// What is counted, and what the bench module does meanwhile.
struct Case {
    what: &'static str,
    /// Parameters of the module: what to do, and to which size.
    kinds: u32,
    sizes: u32,
    /// The hooks of this sanitizer, and those of the kernel's own.
    rust: &'static [&'static str],
    c: &'static [&'static str],
}

const MAP: [&str; 2] = ["__iommu_debug_map_begin", "__iommu_debug_map"];
const UNMAP: [&str; 3] = [
    "__iommu_debug_walk_end",
    "__iommu_debug_unmap_begin",
    "__iommu_debug_unmap_end",
];

const CASES: &[Case] = &[
    Case {
        what: "map, 4K",
        kinds: 1,
        sizes: 1,
        rust: &[MAP[0]],
        c: &[MAP[1]],
    },
    Case {
        what: "unmap, 4K",
        kinds: 1,
        sizes: 1,
        rust: &[UNMAP[0]],
        c: &[UNMAP[1], UNMAP[2]],
    },
    Case {
        what: "map, 2M in one leaf",
        kinds: 1,
        sizes: 8,
        rust: &[MAP[0]],
        c: &[MAP[1]],
    },
    Case {
        what: "unmap, 2M in one leaf",
        kinds: 1,
        sizes: 8,
        rust: &[UNMAP[0]],
        c: &[UNMAP[1], UNMAP[2]],
    },
    Case {
        what: "check, order 0",
        kinds: 8,
        sizes: 1,
        rust: &["__iommu_debug_check_unmapped if $esi == 1"],
        c: &["__iommu_debug_check_unmapped if $esi == 1"],
    },
    Case {
        what: "check, order 9",
        kinds: 8,
        sizes: 1,
        rust: &["__iommu_debug_check_unmapped if $esi == 512"],
        c: &["__iommu_debug_check_unmapped if $esi == 512"],
    },
];

pub(crate) fn count() -> Result<Tally> {
    let lab = Lab::open(None, Arc::new(Quiet))?;
    let c = Candidate::new(&lab, Implementation::C)?;
    let rust = Candidate::new(&lab, Implementation::Rust)?;
    println!("{:<24} {:>10} {:>10}", "instructions", "C", "Rust");
    for case in CASES {
        let of = |candidate: &Candidate, hooks: &[&str]| -> Result<String> {
            let mut sum = Range::default();
            for hook in hooks {
                sum = sum.and_then(candidate.count(&lab, case, hook)?);
            }
            Ok(sum.to_string())
        };
        println!(
            "{:<24} {:>10} {:>10}",
            case.what,
            of(&c, case.c)?,
            of(&rust, case.rust)?
        );
    }
    Ok(Tally::default())
}

/// The least and the most.
#[derive(Clone, Copy, Default)]
struct Range(u32, u32);

impl Range {
    /// What both take, one after the other.
    fn and_then(self, next: Self) -> Self {
        Self(self.0 + next.0, self.1 + next.1)
    }
}

impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(least, most) = *self;
        if least == most {
            f.pad(&least.to_string())
        } else {
            f.pad(&format!("{least}-{most}"))
        }
    }
}

/// A kernel, and the bench module for it.
struct Candidate {
    kernel: Kernel,
    module: std::path::PathBuf,
}

impl Candidate {
    fn new(lab: &Lab, implementation: Implementation) -> Result<Self> {
        let kernel = lab.kernel(&KernelRequest {
            fragments: vec![(PLAIN.0.to_owned(), PLAIN.1.to_owned())],
            ..KernelRequest::new(MachineKind::Uml, implementation)
        })?;
        let module = lab.own_module(&kernel, OwnModule::Bench)?;
        Ok(Self { kernel, module })
    }

    /// Boots under `gdb`, and counts a few calls of a function.
    fn count(&self, lab: &Lab, case: &Case, hook: &str) -> Result<Range> {
        let folder = tempfile::tempdir()?;
        let mut kernel = self.kernel.clone();
        kernel.image = wrapper(folder.path(), &self.kernel.image, hook)?;
        let guest = Guest {
            modules: vec![GuestModule {
                path: self.module.clone(),
                params: format!(
                    "format=0 kinds={} sizes={} threads=1 millis=60000",
                    case.kinds, case.sizes
                ),
            }],
            append: vec!["iommu.debug_pagealloc=1".to_owned()],
            memory_mib: 512,
            cpus: 1,
            timeout: Duration::from_secs(900),
            ..Guest::default()
        };
        let boot = lab.boot(&kernel, &guest, &mut |_| ())?;
        let counts: Vec<u32> = boot
            .console
            .iter()
            .filter_map(|line| line.strip_prefix("path: "))
            .filter_map(|count| count.trim().parse().ok())
            .collect();
        ensure!(
            counts.len() == COUNTED as usize,
            "gdb counted {} of {COUNTED} calls of {hook}, see {}",
            counts.len(),
            boot.log.display()
        );
        let least = counts.iter().copied().min().context("nothing counted")?;
        let most = counts.iter().copied().max().context("nothing counted")?;
        Ok(Range(least, most))
    }
}

/// A program that looks like the kernel's image, and runs it under `gdb`.
fn wrapper(folder: &Path, image: &Path, hook: &str) -> Result<std::path::PathBuf> {
    let script = folder.join("script");
    let (skipped, counted) = (SKIPPED, COUNTED);
    fs::write(
        &script,
        format!("{SCRIPT}\nset $calls = {counted}\nbreak *{hook}\nignore 1 {skipped}\nrun\ncount_calls\nkill\nquit\n"),
    )?;
    let program = folder.join("image");
    fs::write(
        &program,
        format!(
            "#!/bin/sh\nexec gdb -nx -quiet -batch -x {} --args {} \"$@\"\n",
            script.display(),
            image.display()
        ),
    )?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    Ok(program)
}
