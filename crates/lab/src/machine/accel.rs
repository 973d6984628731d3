// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Whether a guest runs on the processor itself (KVM) or on an emulated one (TCG).
//!
//! That there is a `/dev/kvm` proves nothing: where the machine is a guest itself, it may be there and a
//! guest's guest hang or die on its first instructions. So a kernel is booted for trial.

use std::fs::{self, File};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::cache::Cache;
use crate::processor::Processor;
use crate::{files, LabError};

/// How long a boot for trial may take; a processor that works needs a third of it.
pub(super) const TRIAL: Duration = Duration::from_secs(2);

/// What runs a guest's instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Accel {
    /// The processor.
    Kvm,
    /// QEMU's translator. Works everywhere, for every architecture, and is some ten times slower.
    Tcg,
}

impl Accel {
    /// The name that QEMU has for it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Accel::Kvm => "kvm",
            Accel::Tcg => "tcg",
        }
    }
}

/// KVM if `trial` says that it works. It is asked once for each emulator, until the machine is started
/// anew.
pub(super) fn choose(
    cache: &Cache,
    processor: &Processor,
    emulator: &str,
    trial: impl FnOnce() -> Result<bool, LabError>,
) -> Result<Accel, LabError> {
    if !processor.is_native() || !can_open() {
        return Ok(Accel::Tcg);
    }
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let question = format!("{} {} {emulator}", boot.trim(), processor.name);
    let works = ask_once(cache, &question, trial)?;
    Ok(if works { Accel::Kvm } else { Accel::Tcg })
}

/// The answer to a question, from the last time or from `trial`.
fn ask_once(
    cache: &Cache,
    question: &str,
    trial: impl FnOnce() -> Result<bool, LabError>,
) -> Result<bool, LabError> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let path = cache.path("kvm-trial");
    let remembered = fs::read_to_string(&path).unwrap_or_default();
    match remembered.strip_prefix(question).map(str::trim) {
        Some("works") => Ok(true),
        Some("does not work") => Ok(false),
        _ => {
            let works = trial()?;
            let answer = if works { "works" } else { "does not work" };
            files::write_whole(&path, format!("{question} {answer}\n").as_bytes())?;
            Ok(works)
        }
    }
}

fn can_open() -> bool {
    File::options()
        .read(true)
        .write(true)
        .open("/dev/kvm")
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::processor::{AARCH64, RISCV64, X86_64};

    #[test]
    fn another_processor_is_emulated_without_a_trial() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(Some(dir.path().to_owned())).unwrap();
        for processor in [&X86_64, &AARCH64, &RISCV64] {
            let trial = || panic!("nothing to try");
            if !processor.is_native() {
                assert_eq!(choose(&cache, processor, "x", trial).unwrap(), Accel::Tcg);
            }
        }
    }

    #[test]
    fn a_trial_is_made_once_for_each_question() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(Some(dir.path().to_owned())).unwrap();
        let mut tried = 0;
        for (question, trial, answer) in [
            ("boot a", true, true),
            ("boot a", false, true),
            ("boot b", false, false),
            ("boot b", true, false),
        ] {
            let answered = ask_once(&cache, question, || {
                tried += 1;
                Ok(trial)
            });
            assert_eq!(answered.unwrap(), answer);
        }
        assert_eq!(tried, 2);
    }
}
