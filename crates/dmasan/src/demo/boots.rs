// SPDX-License-Identifier: Apache-2.0 OR MIT

//! One boot for every variant of every case, a few at a time.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use dmasan_lab::{Boot, Device, Guest, GuestModule, Kernel, Lab, LabError, Progress, Step};
use dmasan_report::{Log, Variant};

use super::verdict::{judge, CaseVerdict};
use crate::catalog::{Case, EDU, FORMATS, ON_EDU};
use crate::setup::sanitizer_on;

/// Booting is short and touches the disk little: no more at a time than there are processors.
const MOST_AT_A_TIME: usize = 8;

/// What to boot.
pub(crate) struct Boots<'a> {
    pub(crate) lab: &'a Lab,
    pub(crate) kernel: &'a Kernel,
    /// The zoo's module.
    pub(crate) zoo: &'a Path,
    /// The zoo's drivers of a device, if the machine can have it.
    pub(crate) edu: Option<&'a Path>,
    pub(crate) cases: Vec<(&'static Case, Variant)>,
    /// Where they run.
    pub(crate) places: Places,
    /// For one boot.
    pub(crate) timeout: Duration,
}

impl Boots<'_> {
    /// Boots everything; the verdicts come in the order of the cases.
    pub(crate) fn run(&self, progress: &dyn Progress) -> Result<Vec<CaseVerdict>, LabError> {
        let mut step = progress.begin("run the zoo");
        step.set_total(self.cases.len() as u64);
        let board = Mutex::new(Board {
            step: Some(step),
            done: 0,
        });
        let next = AtomicUsize::new(0);
        let at_a_time = thread::available_parallelism()
            .map_or(1, usize::from)
            .min(MOST_AT_A_TIME);

        let work = || {
            let mut verdicts = Vec::new();
            // Relaxed: the counter only hands out numbers.
            while let Some(&(case, variant)) = self.cases.get(next.fetch_add(1, Ordering::Relaxed))
            {
                let verdict = self.boot(case, variant).inspect_err(|_| {
                    // The others need not go on.
                    next.store(self.cases.len(), Ordering::Relaxed);
                })?;
                board
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .tick(&verdict);
                verdicts.push(verdict);
            }
            Ok(verdicts)
        };
        let parts: Vec<Result<Vec<CaseVerdict>, LabError>> = thread::scope(|scope| {
            let threads: Vec<_> = (0..at_a_time).map(|_| scope.spawn(work)).collect();
            let join = |thread: thread::ScopedJoinHandle<'_, _>| {
                thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            threads.into_iter().map(join).collect()
        });

        let mut verdicts = Vec::new();
        for part in parts {
            verdicts.extend(part?);
        }
        verdicts.sort_by_key(|verdict| (verdict.case.number, verdict.variant == Variant::Twin));
        board
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
            .finish(&verdicts);
        Ok(verdicts)
    }

    fn boot(&self, case: &'static Case, variant: Variant) -> Result<CaseVerdict, LabError> {
        let bug = u8::from(variant == Variant::Bug);
        let mut guest = Guest {
            append: sanitizer_on(self.kernel.implementation)
                .iter()
                .map(|word| (*word).to_owned())
                .collect(),
            timeout: self.timeout,
            ..Guest::default()
        };
        let mut places = Vec::new();
        if let Some((format, names)) = self.places.formats() {
            places.extend(names);
            guest.modules.push(GuestModule {
                path: PathBuf::from(self.zoo),
                params: format!("case={} bug={bug} format={format}", case.number),
            });
        }
        if let Some(edu) = self.edu.filter(|_| self.places.has_device(case)) {
            places.push(EDU);
            guest.devices.push(Device::Edu);
            guest.modules.push(GuestModule {
                path: PathBuf::from(edu),
                params: format!("case={} bug={bug}", case.number),
            });
        }
        let boot = self.lab.boot(self.kernel, &guest, &mut |_| ())?;
        let log = Log::parse(&boot.console);
        Ok(judge(case, variant, &places, log, ended(&boot).as_deref()))
    }
}

/// What cases run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Places {
    /// All page-table formats in turn, and the device.
    All,
    /// One format, by its place in [`FORMATS`].
    Format(usize),
    /// The device.
    Device,
}

impl Places {
    /// The places of this name.
    pub(crate) fn named(name: &str) -> Option<Places> {
        if name == EDU {
            return Some(Places::Device);
        }
        let at = FORMATS.iter().position(|format| *format == name)?;
        Some(Places::Format(at))
    }

    /// The formats, as the zoo's module takes them and by their names; `None` if there is none.
    fn formats(self) -> Option<(i64, &'static [&'static str])> {
        match self {
            Places::All => Some((-1, FORMATS)),
            Places::Format(at) => Some((i64::try_from(at).ok()?, FORMATS.get(at..=at)?)),
            Places::Device => None,
        }
    }

    /// Whether a case also runs on the device.
    pub(crate) fn has_device(self, case: &Case) -> bool {
        !matches!(self, Places::Format(_)) && ON_EDU.contains(&case.number)
    }
}

/// How a boot ended, if not as it should.
fn ended(boot: &Boot) -> Option<String> {
    let log = boot.log.display();
    if boot.timed_out {
        Some(format!("the time was up (console: {log})"))
    } else if boot.panicked {
        Some(format!("the kernel panicked (console: {log})"))
    } else {
        match boot.exit {
            Some(0) => None,
            Some(_) => Some(format!("the module was not loaded (console: {log})")),
            None => Some(format!("the guest died (console: {log})")),
        }
    }
}

/// What the user sees meanwhile.
struct Board {
    step: Option<Box<dyn Step>>,
    done: u64,
}

impl Board {
    fn tick(&mut self, verdict: &CaseVerdict) {
        self.done += 1;
        if let Some(step) = &mut self.step {
            step.advance_to(self.done);
            step.message(&verdict.name());
        }
    }

    fn finish(self, verdicts: &[CaseVerdict]) {
        let ok = verdicts.iter().filter(|verdict| verdict.ok()).count();
        if let Some(step) = self.step {
            step.finish(&format!("{ok} of {} cases as expected", verdicts.len()));
        }
    }
}
