//! What is done to a booted kernel in the tests, done to one that watches itself: its locks, its memory, failing
//! allocations, its tracepoints.
//!
//! What it watches is a fragment in `linux/configs/debug/`. A further one is a file there, and nothing else.

use std::path::{Path, PathBuf};

use anyhow::{anyhow, Context, Result};
use dmasan_lab::{Implementation, Kernel, KernelRequest, Lab, MachineKind};

use super::{guest, iommufd, kunit, stress, trace, zoo};
use crate::command::root;
use crate::machines;
use crate::tally::Tally;

/// One in so many maps has an allocation fail, where allocations can be made to.
const FAULTS: u32 = 8;

/// What a kernel is to watch.
struct Fragments(Vec<Fragment>);

struct Fragment {
    path: PathBuf,
    text: String,
}

fn folder() -> PathBuf {
    root().join("linux/configs/debug")
}

impl Fragments {
    fn read(names: &[String]) -> Result<Self> {
        let read = |name: &String| {
            let path = folder().join(format!("{name}.config"));
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            Ok(Fragment { path, text })
        };
        names.iter().map(read).collect::<Result<_>>().map(Fragments)
    }

    fn kernel(&self, lab: &Lab, machine: MachineKind) -> Result<Kernel> {
        let mut request = KernelRequest::new(machine, Implementation::Rust);
        for fragment in &self.0 {
            let path = fragment.path.display().to_string();
            request.fragments.push((path, fragment.text.clone()));
        }
        Ok(lab.kernel(&request)?)
    }

    /// Whether they set this.
    fn set(&self, setting: &str) -> bool {
        self.0
            .iter()
            .flat_map(|fragment| fragment.text.lines())
            .any(|line| line == setting)
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

/// All of it in one kernel that watches all of these.
pub(crate) fn run(
    machine: MachineKind,
    names: &[String],
    seconds: u64,
    seed: u64,
) -> Result<Tally> {
    let lab = guest::lab()?;
    let fragments = Fragments::read(names)?;
    println!("== building the kernel, if need be");
    let kernel = fragments.kernel(&lab, machine)?;
    let mut tally = Tally::default();

    println!("== KUnit");
    tally.add(kunit::ours(&lab, &kernel)?);

    println!("== stress, for {seconds} s");
    let has_faults = fragments.set("CONFIG_FAIL_PAGE_ALLOC=y");
    let faults = if has_faults { FAULTS } else { 0 };
    tally.add(stress::stress_on(&lab, &kernel, seconds, seed, faults)?);

    if machine != MachineKind::Uml {
        println!("== drivers");
        tally.add(machines::at_work(&lab, &kernel)?);
        return Ok(tally);
    }

    println!("== zoo");
    let paths: Vec<&Path> = fragments.0.iter().map(|f| f.path.as_path()).collect();
    tally.add(zoo::with_configs(&paths)?);
    // Those were its verdicts; now what the kernel has to say about all of it.
    tally.add(zoo::boot_whole(&lab, &kernel)?);

    if fragments.set("CONFIG_TRACING=y") {
        println!("== tracepoints");
        tally.add(trace::run_on(&lab, &kernel)?);
    }

    println!("== iommufd");
    tally.add(iommufd::run_on(&lab, &kernel, has_faults)?);
    Ok(tally)
}
