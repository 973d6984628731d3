// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Building a kernel, or knowing that it is built.
//!
//! A build folder holds:
//!
//! | file | what |
//! |---|---|
//! | `out/` | the kernel's build folder (`O=`) |
//! | `image` | the kernel as it is booted; replaced as a whole when a build succeeds |
//! | `stamp.json` | what the image was made of |
//! | `unfinished` | is there while a build is under way |

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use super::config::Wanted;
use super::recover::recover;
use super::{folders, Kernel, KernelRequest};
use crate::cache::Cache;
use crate::digest::Digest;
use crate::machine::Machine;
use crate::process::Job;
use crate::source::Source;
use crate::world::{Make, World};
use crate::{files, tree, LabError, Progress, Step};

/// What a build folder takes, in MiB.
pub(crate) const BUILD_MIB: u64 = 400;

/// Everything that decides what a kernel becomes.
pub(crate) struct Plan<'a> {
    pub(crate) request: &'a KernelRequest,
    pub(crate) machine: &'a dyn Machine,
    pub(crate) world: &'a World,
    pub(crate) source: &'a Source,
    pub(crate) wanted: Wanted,
    /// The state of the tree: source and series.
    pub(crate) state: String,
}

/// What an image was made of.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    state: String,
    folder: String,
    release: String,
}

impl Stamp {
    fn read(dir: &Path) -> Option<Stamp> {
        serde_json::from_slice(&fs::read(dir.join("stamp.json")).ok()?).ok()
    }

    /// Changes whenever the kernel does.
    fn key(&self) -> String {
        let mut key = Digest::new("kernel");
        key.field(&self.state).field(&self.folder);
        key.short()
    }
}

impl Plan<'_> {
    /// The build folder: one per source, configuration, implementation and toolchain.
    fn folder(&self) -> String {
        let mut digest = Digest::new("build");
        digest.field(self.source.dir.as_os_str().as_encoded_bytes());
        digest
            .field(self.world.id())
            .field(self.wanted.text())
            .field(self.machine.arch())
            .field(self.machine.variables().join("\n"));
        format!(
            "{}-{}-{}",
            self.machine.family(),
            self.request.implementation,
            digest.short()
        )
    }

    fn make<'b>(&'b self, tree: &'b Path, out: &'b Path) -> Make<'b> {
        Make {
            tree,
            out,
            module: None,
            arch: self.machine.arch(),
        }
    }

    fn kernel(&self, dir: &Path, stamp: &Stamp) -> Kernel {
        Kernel {
            machine: self.request.machine,
            implementation: self.request.implementation,
            release: stamp.release.clone(),
            source: self.source.info.clone(),
            image: dir.join("image"),
            build_dir: dir.join("out"),
            tree: self.source.dir.join("linux"),
            key: stamp.key(),
        }
    }
}

/// The kernel, if it is up to date.
pub(crate) fn current(cache: &Cache, plan: &Plan<'_>) -> Option<Kernel> {
    let folder = plan.folder();
    let dir = cache.path("builds").join(&folder);
    let stamp = Stamp::read(&dir)?;
    let is_current = stamp.state == plan.state
        && stamp.folder == folder
        && dir.join("image").is_file()
        && !dir.join("unfinished").exists();
    is_current.then(|| {
        folders::mark_used(&dir);
        plan.kernel(&dir, &stamp)
    })
}

/// Whether a kernel and its tree are still what they were when it was returned.
pub(crate) fn is_intact(kernel: &Kernel) -> bool {
    let (Some(dir), Some(source)) = (kernel.build_dir.parent(), kernel.tree.parent()) else {
        return false;
    };
    Stamp::read(dir).is_some_and(|stamp| {
        stamp.key() == kernel.key && tree::applied(source).is_ok_and(|state| state == stamp.state)
    })
}

/// Builds the kernel; its tree must have the plan's state.
pub(crate) fn build(
    cache: &Cache,
    plan: &Plan<'_>,
    progress: &dyn Progress,
) -> Result<Kernel, LabError> {
    let folder = plan.folder();
    let dir = cache.path("builds").join(&folder);
    let out = dir.join("out");
    let tree = plan.source.dir.join("linux");
    let mut step = progress.begin(&format!(
        "kernel ({}, {})",
        plan.machine.family(),
        plan.request.implementation
    ));

    if !out.exists() {
        cache.require_space("building the kernel", BUILD_MIB)?;
        let origin = format!(
            "{}\n{}\n{}\n",
            plan.source.dir.display(),
            plan.world.id(),
            plan.machine.arch()
        );
        folders::create(cache, &dir, &origin, &mut *step)?;
    }
    let unfinished = dir.join("unfinished");
    if unfinished.exists() {
        step.message("recovering from a build that was broken off");
        recover(&out)?;
    }
    files::write_whole(&unfinished, b"")?;
    // The old image does not belong to what is being built.
    files::remove_with_empty_parents(&dir, &dir.join("stamp.json"))?;

    configure(cache, plan, &tree, &out, &mut *step)?;
    let lines = compile(cache, plan, &tree, &out, &mut *step)?;

    let release = read_release(&out)?;
    let image = dir.join("image");
    let aside = files::aside(&image);
    let built = out.join(plan.machine.image());
    fs::copy(&built, &aside).map_err(LabError::io("copy the kernel to", &aside))?;
    fs::rename(&aside, &image).map_err(LabError::io("rename", &aside))?;
    let stamp = Stamp {
        state: plan.state.clone(),
        folder,
        release,
    };
    let text =
        serde_json::to_vec(&stamp).map_err(|error| LabError::io("write", &dir)(error.into()))?;
    files::write_whole(&dir.join("stamp.json"), &text)?;
    files::remove_with_empty_parents(&dir, &unfinished)?;
    folders::prune(cache, folders::KEPT)?;
    step.finish(&format!("Linux {}, {lines} files made", stamp.release));
    Ok(plan.kernel(&dir, &stamp))
}

fn configure(
    cache: &Cache,
    plan: &Plan<'_>,
    tree: &Path,
    out: &Path,
    step: &mut dyn Step,
) -> Result<(), LabError> {
    step.message("configuration");
    let fragment = "dmasan.config";
    files::write_if_changed(&out.join(fragment), plan.wanted.text().as_bytes())?;
    let all_config = format!("KCONFIG_ALLCONFIG={}/{fragment}", plan.world.out_name(out));
    let command = plan
        .world
        .make(plan.make(tree, out), &[&all_config, "allnoconfig"]);
    run(
        cache,
        "configuring the kernel",
        "config",
        command,
        &mut |_| {},
    )?;
    let config = out.join(".config");
    let text = fs::read_to_string(&config).map_err(LabError::io("read", &config))?;
    let missing = plan.wanted.missing_in(&text);
    if missing.is_empty() {
        Ok(())
    } else {
        Err(LabError::ConfigRejected {
            symbols: missing,
            config,
        })
    }
}

/// Runs `make`; the number of things made.
fn compile(
    cache: &Cache,
    plan: &Plan<'_>,
    tree: &Path,
    out: &Path,
    step: &mut dyn Step,
) -> Result<u64, LabError> {
    // How much of a build that was begun, or seeded, is left to do, only make knows.
    let is_first = !out.join("vmlinux.o").exists() && !out.join("init").exists();
    step.set_total(if is_first {
        plan.machine.typical_lines()
    } else {
        0
    });
    let arguments = [plan.machine.variables(), plan.machine.goals()].concat();
    let command = plan.world.make(plan.make(tree, out), &arguments);
    let mut lines = 0;
    run(
        cache,
        "building the kernel",
        "kernel",
        command,
        &mut |line| {
            if let Some(made) = made(line) {
                lines += 1;
                step.advance_to(lines);
                step.message(made);
            }
        },
    )?;
    Ok(lines)
}

fn run(
    cache: &Cache,
    what: &str,
    log: &str,
    command: Command,
    on_line: &mut dyn FnMut(&str),
) -> Result<(), LabError> {
    let log = cache.new_log(log)?;
    Job {
        what,
        command,
        log: &log,
        needs_mib: BUILD_MIB,
    }
    .run(on_line)
}

/// What a line of the kernel's make says is being made: `  CC [M]  fs/x.o` is `fs/x.o`.
pub(crate) fn made(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("  ")?;
    let mut words = rest.split_whitespace();
    let verb = words.next()?;
    let is_verb = verb.starts_with(|c: char| c.is_ascii_uppercase())
        && verb.len() >= 2
        && verb
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    let target = words.last()?;
    (is_verb && rest.starts_with(verb)).then_some(target)
}

fn read_release(out: &Path) -> Result<String, LabError> {
    let path: PathBuf = out.join("include/config/kernel.release");
    let text = fs::read_to_string(&path).map_err(LabError::io("read", &path))?;
    Ok(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_lines_are_told_from_other_output() {
        assert_eq!(made("  CC      fs/namespace.o"), Some("fs/namespace.o"));
        assert_eq!(made("  RUSTC L rust/core.o"), Some("rust/core.o"));
        assert_eq!(made("  CC [M]  zoo.o"), Some("zoo.o"));
        assert_eq!(made("make[1]: Entering directory '/out'"), None);
        assert_eq!(made("  1209 |   return 0;"), None);
        assert_eq!(made("error: x"), None);
    }
}
