//! What is done to a booted kernel in the tests, done to one that watches itself: its locks, its memory, failing allocations.
//!
//! What it watches is a fragment in `linux/configs/debug/`. A further one is a file there, and nothing else.

use std::path::PathBuf;

use anyhow::{anyhow, Context, Result};
use dmasan_lab::{Implementation, Kernel, KernelRequest, Lab, MachineKind};

use super::{guest, iommufd, kunit, stress, zoo};
use crate::command::root;
use crate::tally::Tally;

/// One in so many maps has an allocation fail, where allocations can be made to.
const FAULTS: u32 = 8;

/// A kernel that watches itself.
struct Fragment {
    name: String,
    path: PathBuf,
    text: String,
}

fn folder() -> PathBuf {
    root().join("linux/configs/debug")
}

impl Fragment {
    fn read(name: &str) -> Result<Self> {
        let path = folder().join(format!("{name}.config"));
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Self {
            name: name.to_owned(),
            path,
            text,
        })
    }

    fn kernel(&self, lab: &Lab) -> Result<Kernel> {
        let mut request = KernelRequest::new(MachineKind::Uml, Implementation::Rust);
        let path = self.path.display().to_string();
        request.fragments.push((path, self.text.clone()));
        Ok(lab.kernel(&request)?)
    }

    /// Whether allocations can be made to fail.
    fn has_faults(&self) -> bool {
        self.text
            .lines()
            .any(|line| line == "CONFIG_FAIL_PAGE_ALLOC=y")
    }
}

/// A name on the command line.
pub(crate) fn parse(name: &str) -> Result<String> {
    let known = names()?;
    if known.iter().any(|other| other == name) {
        Ok(name.to_owned())
    } else {
        Err(anyhow!("there are: {}", known.join(", ")))
    }
}

/// The names of all fragments, in order.
fn names() -> Result<Vec<String>> {
    let folder = folder();
    let mut names = Vec::new();
    for entry in
        std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?
    {
        let name = entry?.file_name();
        if let Some(name) = name.to_str().and_then(|name| name.strip_suffix(".config")) {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// All of it in the kernels with these fragments, one after the other.
pub(crate) fn run(names: &[String], seconds: u64, seed: u64) -> Result<Tally> {
    let lab = guest::lab()?;
    let mut all = Tally::default();
    for name in names {
        let fragment = Fragment::read(name)?;
        println!("== {name}: building the kernel, if need be");
        let kernel = fragment.kernel(&lab)?;
        let mut tally = run_one(&lab, &kernel, &fragment, seconds, seed)
            .with_context(|| format!("with {name}"))?;
        for failure in &mut tally.failures {
            *failure = format!("{name}: {failure}");
        }
        println!("== {name}: {} ok, {} not ok", tally.passed, tally.failed);
        all.add(tally);
    }
    Ok(all)
}

fn run_one(
    lab: &Lab,
    kernel: &Kernel,
    fragment: &Fragment,
    seconds: u64,
    seed: u64,
) -> Result<Tally> {
    let name = &fragment.name;
    let mut tally = Tally::default();

    println!("== {name}: KUnit");
    tally.add(kunit::ours(lab, kernel)?);

    println!("== {name}: stress, for {seconds} s");
    let faults = if fragment.has_faults() { FAULTS } else { 0 };
    tally.add(stress::stress_on(lab, kernel, seconds, seed, faults)?);

    println!("== {name}: zoo");
    // Its verdicts, and then what the kernel has to say about all of it.
    tally.add(zoo::with_config(&fragment.path)?);
    tally.add(zoo::boot_whole(lab, kernel)?);

    println!("== {name}: iommufd");
    tally.add(iommufd::run_on(lab, kernel, fragment.has_faults())?);
    Ok(tally)
}
