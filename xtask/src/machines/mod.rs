//! The matrix: machines and what runs on them, `cargo xtask test --machines M`.

mod bug;
mod finding;
mod vfio;
mod workload;

use std::fmt;
use std::str::FromStr;
use std::time::Instant;

use anyhow::{anyhow, Result};
use dmasan_lab::{Device, Implementation, Kernel, KernelRequest, Lab, MachineKind};

use crate::command::{dmasan, succeeds};
use crate::steps::{guest, kunit, zoo};
use crate::tally::Tally;

use workload::{Workload, WORKLOADS};

/// The machines that are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Machines {
    All,
    One(MachineKind),
}

impl FromStr for Machines {
    type Err = anyhow::Error;

    fn from_str(word: &str) -> Result<Self> {
        if word == "all" {
            return Ok(Machines::All);
        }
        word.parse()
            .map(Machines::One)
            .map_err(|error| anyhow!("{error}, all"))
    }
}

/// Something that runs on a machine.
#[derive(Clone, Copy)]
pub(crate) enum Suite {
    Kunit,
    Zoo,
    /// What of the zoo runs on a device that writes.
    Edu,
    Workload(&'static Workload),
    /// Devices that are assigned to user space.
    Vfio,
    /// Bugs of real drivers.
    Bugs,
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Suite::Kunit => f.pad("kunit"),
            Suite::Zoo => f.pad("zoo"),
            Suite::Edu => f.pad("edu"),
            Suite::Workload(workload) => f.pad(workload.name),
            Suite::Vfio => f.pad("vfio"),
            Suite::Bugs => f.pad("bugs"),
        }
    }
}

impl FromStr for Suite {
    type Err = anyhow::Error;

    fn from_str(word: &str) -> Result<Self> {
        let names = || Suite::all().map(|suite| suite.to_string());
        names()
            .position(|name| name == word)
            .and_then(|at| Suite::all().nth(at))
            .ok_or_else(|| {
                anyhow!(
                    "`{word}` is none of: {}",
                    names().collect::<Vec<_>>().join(", ")
                )
            })
    }
}

impl Suite {
    fn all() -> impl Iterator<Item = Suite> {
        let workloads = WORKLOADS.iter().map(Suite::Workload);
        // The zoo has the device in it.
        [Suite::Kunit, Suite::Zoo]
            .into_iter()
            .chain(workloads)
            .chain([Suite::Vfio, Suite::Bugs])
    }

    /// Whether the machine has what it takes.
    fn fits(self, machine: MachineKind) -> bool {
        match self {
            Suite::Kunit | Suite::Zoo => true,
            Suite::Edu => machine.translates_dma(),
            Suite::Workload(workload) => {
                let mut devices = workload.devices.iter();
                machine.translates_dma() && devices.all(|one| machine.takes(*one))
            }
            Suite::Vfio => vfio::fits(machine),
            // One of them has a program, which is compiled for the machine's own processor.
            Suite::Bugs => machine.translates_dma() && machine.runs_programs(),
        }
    }

    /// What there is time for every day.
    fn daily() -> impl Iterator<Item = Suite> {
        let workloads = daily_workloads().map(Suite::Workload);
        [Suite::Edu].into_iter().chain(workloads)
    }

    fn run(self, lab: &Lab, kernel: &Kernel) -> Result<Tally> {
        match self {
            Suite::Kunit => kunit::ours(lab, kernel),
            Suite::Zoo => zoo::on(kernel.machine, &[]),
            Suite::Edu => zoo::on(kernel.machine, &["--format", zoo::EDU]),
            Suite::Workload(workload) => workload.run(lab, kernel),
            Suite::Vfio => vfio::run(lab, kernel),
            Suite::Bugs => bug::run(lab, kernel),
        }
    }
}

/// The same of real drivers.
fn daily_workloads() -> impl Iterator<Item = &'static Workload> {
    WORKLOADS
        .iter()
        .filter(|workload| matches!(workload.devices, [Device::E1000e | Device::Nvme]))
}

/// A few real drivers at work, in any kernel for a machine under QEMU.
pub(crate) fn at_work(lab: &Lab, kernel: &Kernel) -> Result<Tally> {
    let mut all = Tally::default();
    for workload in daily_workloads() {
        all.add(workload.run(lab, kernel)?);
    }
    Ok(all)
}

/// What came of a suite on a machine.
enum Cell {
    /// It needs what the machine does not have.
    Unfit,
    NotRun,
    Run(u64, u64),
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&match self {
            Cell::Unfit => "-".to_owned(),
            Cell::NotRun => "NOT RUN".to_owned(),
            Cell::Run(passed, 0) => format!("{passed} ok"),
            Cell::Run(passed, failed) => format!("{failed} of {} FAILED", passed + failed),
        })
    }
}

/// Runs the suites, or all that there are, on the machines; prints one table at the end.
pub(crate) fn run(asked: &[Machines], suites: &[Suite]) -> Result<Tally> {
    let suites = match suites {
        [] => Suite::all().collect(),
        some => some.to_vec(),
    };
    let mut all = Tally::default();
    let mut rows = Vec::new();
    let is_asked = |kind: &MachineKind| {
        asked.contains(&Machines::All) || asked.contains(&Machines::One(*kind))
    };
    for machine in MachineKind::ALL.into_iter().filter(is_asked) {
        rows.push((machine, row(machine, &suites, &mut all)?));
    }
    print_table(&suites, &rows);
    Ok(all)
}

/// Runs suites on one machine. Where that cannot be had, nothing has run: that is no failure of what would
/// have, and still less a success.
fn row(machine: MachineKind, suites: &[Suite], all: &mut Tally) -> Result<Vec<Cell>> {
    println!("== {machine}: {}", machine.about());
    let start = Instant::now();
    // By the tool, which tells of how far it is: the first one takes minutes.
    let name = machine.to_string();
    let built = succeeds(&mut dmasan(&["build", "--machine", &name]))?;
    let lab = guest::lab()?;
    let kernel = match lab.kernel(&KernelRequest::new(machine, Implementation::Rust)) {
        Ok(kernel) if built => kernel,
        other => {
            let error = other.err().map_or_else(
                || "`dmasan build` failed".to_owned(),
                |error| error.to_string(),
            );
            println!("== {machine}: NOT RUN: {error}");
            all.not_run(&format!("{machine}: {error}"));
            let not_run = |suite: &Suite| match suite.fits(machine) {
                true => Cell::NotRun,
                false => Cell::Unfit,
            };
            return Ok(suites.iter().map(not_run).collect());
        }
    };
    println!("   kernel: {:.1} s", start.elapsed().as_secs_f64());
    let mut cells = Vec::new();
    for &suite in suites {
        if !suite.fits(machine) {
            cells.push(Cell::Unfit);
            continue;
        }
        let tally = timed(suite, &lab, &kernel);
        cells.push(Cell::Run(tally.passed, tally.failed));
        all.add(tally);
    }
    Ok(cells)
}

/// What there is time for every day, on one machine.
pub(crate) fn daily(machine: MachineKind) -> Result<Tally> {
    let mut all = Tally::default();
    row(machine, &Suite::daily().collect::<Vec<_>>(), &mut all)?;
    Ok(all)
}

fn timed(suite: Suite, lab: &Lab, kernel: &Kernel) -> Tally {
    let machine = kernel.machine;
    let start = Instant::now();
    let tally = suite.run(lab, kernel).unwrap_or_else(|error| {
        let mut tally = Tally::default();
        tally.fail(&format!("{machine}, {suite}: could not run: {error:#}"));
        tally
    });
    println!(
        "   {suite:<12} {} ok, {} not ok, {:.1} s",
        tally.passed,
        tally.failed,
        start.elapsed().as_secs_f64()
    );
    tally
}

fn print_table(suites: &[Suite], rows: &[(MachineKind, Vec<Cell>)]) {
    println!();
    print!("{:<16}", "");
    for suite in suites {
        print!(" {suite:>13}");
    }
    println!();
    for (machine, cells) in rows {
        print!("{machine:<16}");
        for cell in cells {
            print!(" {cell:>13}");
        }
        println!();
    }
    println!();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_are_named_or_all() {
        assert_eq!("all".parse::<Machines>().unwrap(), Machines::All);
        let vtd = Machines::One(MachineKind::X86Vtd);
        assert_eq!("x86-vtd".parse::<Machines>().unwrap(), vtd);
        let error = "vax".parse::<Machines>().unwrap_err().to_string();
        assert!(
            error.contains("x86-vtd") && error.contains("all"),
            "{error}"
        );
    }

    #[test]
    fn suites_have_names_of_their_own() {
        for suite in Suite::all() {
            let name = suite.to_string();
            assert_eq!(name.parse::<Suite>().unwrap().to_string(), name);
        }
        assert!("vax".parse::<Suite>().is_err());
    }

    #[test]
    fn a_cell_that_did_not_run_is_not_taken_for_one_that_passed() {
        assert_eq!(Cell::NotRun.to_string(), "NOT RUN");
        assert_eq!(Cell::Run(3, 0).to_string(), "3 ok");
        assert_eq!(Cell::Run(3, 1).to_string(), "1 of 4 FAILED");
    }
}
