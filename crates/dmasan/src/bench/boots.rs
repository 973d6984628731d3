// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Boots the implementations in turn, round after round, one at a time.

use std::path::PathBuf;
use std::time::Duration;

use dmasan_lab::{Boot, Guest, GuestModule, Kernel, Lab, LabError, MachineKind, Progress};
use dmasan_report::Log;

use super::line::{self, Line};
use super::results::{Impl, Ledger};
use super::size::Size;
use crate::catalog::FORMATS;

/// The sum of all kinds, and of all but the page allocator, which knows no format.
const ALL_KINDS: u32 = 15;
const MAPPINGS: u32 = 7;

/// With several threads, larger ranges say nothing new and would need memory for each.
const LARGEST_OF_THREADS: Size = Size(128 << 20);

/// Where the processor is emulated: an instruction takes 1 ns by the guest's clock, and a PC's counter of cycles then counts
/// nanoseconds.
const ICOUNT: u8 = 0;

/// Memory of a guest besides what is measured, in MiB.
const REST_MIB: u64 = 512;

/// An implementation, and what is booted for it.
pub(super) struct Candidate {
    pub(super) implementation: Impl,
    pub(super) kernel: Kernel,
    /// The bench module, built for that kernel.
    pub(super) module: PathBuf,
}

/// What to boot.
pub(super) struct Boots<'a> {
    pub(super) lab: &'a Lab,
    pub(super) candidates: &'a [Candidate],
    /// By their places in [`FORMATS`].
    pub(super) formats: Vec<usize>,
    pub(super) threads: Vec<u32>,
    pub(super) sizes: Vec<Size>,
    pub(super) rounds: u32,
    pub(super) millis: u32,
    /// After each operation, in units of the guest's clock.
    pub(super) pause: u32,
    /// For one boot.
    pub(super) timeout: Duration,
}

/// What came of it.
#[derive(Default)]
pub(super) struct Measured {
    pub(super) ledger: Ledger,
    /// What costs are given in.
    pub(super) unit: Option<String>,
    pub(super) problems: Vec<String>,
}

/// One boot.
struct Run<'a> {
    candidate: &'a Candidate,
    format: usize,
    threads: u32,
    kinds: u32,
}

impl Boots<'_> {
    /// Boots everything.
    pub(super) fn run(&self, progress: &dyn Progress) -> Result<Measured, LabError> {
        let mut step = progress.begin("measure");
        let per_round = self.candidates.len() * self.formats.len() * self.threads.len();
        step.set_total(u64::from(self.rounds) * per_round as u64);
        let mut measured = Measured::default();
        let mut done = 0;
        for round in 0..self.rounds {
            for run in self.round(round) {
                let name = run.name();
                step.message(&format!("round {}, {name}", round + 1));
                let boot = self.boot(&run)?;
                measured.take(&name, run.candidate.implementation, &boot);
                done += 1;
                step.advance_to(done);
            }
        }
        step.finish(&format!("{} boots", done));
        Ok(measured)
    }

    /// The boots of a round. What is compared lies close together, and no implementation is always
    /// the first.
    fn round(&self, round: u32) -> Vec<Run<'_>> {
        let mut runs = Vec::new();
        for (at, format) in self.formats.iter().enumerate() {
            for threads in &self.threads {
                let mut candidates: Vec<&Candidate> = self.candidates.iter().collect();
                let first = round as usize % candidates.len().max(1);
                candidates.rotate_left(first);
                runs.extend(candidates.into_iter().map(|candidate| Run {
                    candidate,
                    format: *format,
                    threads: *threads,
                    kinds: if at == 0 { ALL_KINDS } else { MAPPINGS },
                }));
            }
        }
        runs
    }

    fn boot(&self, run: &Run<'_>) -> Result<Boot, LabError> {
        let sizes: Vec<Size> = self
            .sizes
            .iter()
            .copied()
            .filter(|size| run.threads == 1 || *size <= LARGEST_OF_THREADS)
            .collect();
        let largest = sizes.iter().max().map_or(0, |size| size.0);
        let region = largest * u64::from(run.threads.next_power_of_two());
        // Of a stretch of memory that is aligned to its size, there is always one in twice as much. A PC has a hole
        // in its memory, and the kernel, its tables and the initial file system at the ends of what is below.
        let room = if run.candidate.kernel.machine == MachineKind::Uml {
            2
        } else {
            4
        };
        let memory = ((room * region) >> 20) + REST_MIB;
        let guest = Guest {
            modules: vec![GuestModule {
                path: run.candidate.module.clone(),
                params: format!(
                    "format={} kinds={} sizes={} threads={} millis={} pause={}",
                    run.format,
                    run.kinds,
                    Size::mask(&sizes),
                    run.threads,
                    self.millis,
                    self.pause
                ),
            }],
            append: run.candidate.implementation.append(),
            memory_mib: u32::try_from(memory).unwrap_or(u32::MAX),
            cpus: run.threads.max(2),
            icount: run
                .candidate
                .kernel
                .machine
                .takes_devices()
                .then_some(ICOUNT),
            timeout: self.timeout,
            ..Guest::default()
        };
        self.lab.boot(&run.candidate.kernel, &guest, &mut |_| ())
    }
}

impl Run<'_> {
    fn name(&self) -> String {
        format!(
            "{}, {}, {} thread{}",
            self.candidate.implementation.name(),
            FORMATS[self.format],
            self.threads,
            if self.threads == 1 { "" } else { "s" }
        )
    }
}

impl Measured {
    /// Takes over what a boot has printed.
    fn take(&mut self, name: &str, implementation: Impl, boot: &Boot) {
        let mut ended = false;
        let mut seen = 0;
        for line in boot.console.iter().filter_map(|line| line::parse(line)) {
            match line {
                Line::Begin { unit } if unit == "cycles" && boot.icount == Some(ICOUNT) => {
                    self.unit = Some("instructions".to_owned());
                }
                Line::Begin { unit } => self.unit = Some(unit),
                Line::Result(case, figures) => {
                    seen += 1;
                    self.ledger.add(implementation, case, figures);
                }
                Line::Failed(words) => {
                    seen += 1;
                    self.problems.push(format!("{name}: {words}"));
                }
                Line::End { lines } => ended = lines == seen,
            }
        }
        let log = boot.log.display();
        if !ended {
            let how = if boot.timed_out {
                "the time was up"
            } else if boot.panicked {
                "the kernel panicked"
            } else {
                "the module did not come to its end"
            };
            self.problems
                .push(format!("{name}: {how} (console: {log})"));
        }
        self.problems.extend(false_alarms(name, boot));
    }
}

/// Nothing that is measured is a bug.
pub(super) fn false_alarms(name: &str, boot: &Boot) -> Option<String> {
    let reports = Log::parse(&boot.console).reports.len();
    let log = boot.log.display();
    (reports > 0).then(|| format!("{name}: {reports} reports, each a false alarm (console: {log})"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Stat;

    fn boot(console: &[&str]) -> Boot {
        Boot {
            console: console.iter().map(|line| (*line).to_owned()).collect(),
            exit: Some(0),
            timed_out: false,
            panicked: false,
            seconds: 1.0,
            icount: None,
            log: PathBuf::from("/log"),
        }
    }

    const RESULT: &str = "bench: format=amdv1 kind=large share=none size=4096 threads=1 op=map \
        unit=cycles samples=10 batch=1 min=1 p25=2 median=3 p75=4";

    #[test]
    fn a_boot_that_tells_all_is_no_problem() {
        let mut measured = Measured::default();
        let console = [
            "bench: begin unit=cycles clock=1",
            RESULT,
            "bench: end lines=1",
        ];
        measured.take("x", Impl::Off, &boot(&console));
        assert_eq!(measured.problems, [""; 0]);
        assert_eq!(measured.unit.as_deref(), Some("cycles"));
        assert_eq!(measured.ledger.rows(Stat::Median).len(), 1);
    }

    #[test]
    fn lost_lines_a_missing_end_and_failures_are_told() {
        for console in [
            &[RESULT, "bench: end lines=2"][..],
            &[RESULT],
            &["bench: failed error=-12", "bench: end lines=1"],
        ] {
            let mut measured = Measured::default();
            measured.take("x", Impl::C, &boot(console));
            assert_eq!(measured.problems.len(), 1, "{console:?}");
        }
    }

    #[test]
    fn a_false_alarm_is_told() {
        let mut measured = Measured::default();
        let console = [RESULT, "BUG: DMASAN: unmap-underflow", "bench: end lines=1"];
        measured.take("x", Impl::Rust, &boot(&console));
        assert_eq!(measured.problems.len(), 1);
    }
}
