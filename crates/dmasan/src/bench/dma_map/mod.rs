// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The kernel's own benchmark of the DMA API: what mapping costs on a whole machine, with the driver of its IOMMU and a
//! device, instead of on page tables alone.

mod line;
mod results;
mod show;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{ensure, Context};
use dmasan_lab::{Boot, Device, Guest, Kernel, Lab, Progress};

use self::results::{Ledger, Results, Unit};
use super::boots::false_alarms;
use super::results::Impl;
use super::size::Size;
use crate::cli::BenchArgs;
use crate::exit::Exit;
use crate::setup;
use crate::ui::Ui;

const TOOL: &str = "dma_map_benchmark";
const SCRIPT: &str = include_str!("guest.sh");

/// Of the machines that programs can be compiled for.
const PAGE: u64 = 4096;
/// The benchmark's own limit.
const LARGEST: Size = Size(1024 * PAGE);

/// By the guest's clock an instruction takes 16 ns: the benchmark's figures, which are in tenths of a microsecond, then
/// tell six instructions apart. The slower the guest, the more of its time go to the ticks of its clock, which are in the
/// averages as well.
const ICOUNT: u8 = 4;
/// How long a case takes, by the guest's clock.
const SECONDS: u32 = 2;

const SIZES: [Size; 2] = [Size(4 << 10), Size(1 << 20)];
const THREADS: [u32; 2] = [1, 4];

pub(super) fn run(lab: &Lab, ui: &Ui, args: &BenchArgs, impls: &[Impl]) -> anyhow::Result<Exit> {
    ensure!(
        args.machine.translates_dma(),
        "no driver of the machine {} maps anything through an IOMMU; `--machine x86-vtd` has some that do",
        args.machine
    );
    ensure!(
        args.svg.is_none() && args.millis.is_none() && !args.quick,
        "--svg, --millis and --quick are for `--tool module`"
    );
    let sizes = or_default(&args.sizes, &SIZES);
    if let Some(size) = sizes.iter().find(|size| **size > LARGEST) {
        anyhow::bail!("{TOOL} maps up to {LARGEST} at once, not {size}");
    }
    let threads = or_default(&args.threads, &THREADS);
    let rounds = args.rounds.unwrap_or(2);

    let kernels = impls
        .iter()
        .map(|one| Ok((*one, super::kernel(lab, args, *one)?)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let (_, first) = kernels.first().context("nothing to compare")?;
    let folder = tempfile::tempdir().context("cannot create a folder")?;
    let files = files(lab, first, folder.path())?;

    let mut measured = Measured::default();
    let mut step = ui.begin("measure");
    step.set_total(u64::from(rounds) * kernels.len() as u64);
    let mut done = 0;
    for round in 1..=rounds {
        for (implementation, kernel) in &kernels {
            let name = implementation.name();
            step.message(&format!("round {round}, {name}"));
            let guest = Guest {
                command: [
                    "sh".to_owned(),
                    "/bench.sh".to_owned(),
                    words(threads.iter()),
                    words(sizes.iter().map(|size| size.pages())),
                    SECONDS.to_string(),
                ]
                .to_vec(),
                files: files.clone(),
                append: [vec!["iommu.strict=1".to_owned()], implementation.append()].concat(),
                memory_mib: 512,
                devices: vec![Device::Edu],
                icount: Some(ICOUNT),
                timeout: Duration::from_secs(args.timeout),
                ..Guest::default()
            };
            let boot = lab.boot(kernel, &guest, &mut |_| ())?;
            measured.take(*implementation, &boot, sizes.len() * threads.len());
            done += 1;
            step.advance_to(done);
        }
    }
    step.finish(&format!("{done} boots"));

    let results = Results {
        tool: TOOL,
        machine: first.machine,
        kernel: first.release.clone(),
        source: first.source.clone(),
        cpu: super::cpu(&std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default()),
        unit: Unit::of(measured.icount),
        rounds,
        seconds: SECONDS,
        impls: impls.to_vec(),
        cases: measured.ledger.rows(),
        problems: measured.problems,
    };
    if let Some(folder) = &args.save {
        let name = format!("{}-{TOOL}-{}.json", results.kernel, results.machine);
        super::save(&results, &folder.join(name))?;
    }
    if args.json {
        setup::print_json(&results)?;
    } else {
        show::show(&results)?;
    }
    Ok(super::exit(
        results.problems.is_empty(),
        results.cases.is_empty(),
    ))
}

fn or_default<T: Copy>(given: &[T], default: &[T]) -> Vec<T> {
    if given.is_empty() { default } else { given }.to_vec()
}

fn words(numbers: impl Iterator<Item = impl ToString>) -> String {
    numbers
        .map(|number| number.to_string())
        .collect::<Vec<_>>()
        .join(" ")
}

/// The benchmark, compiled from the kernel's tree, and what runs it.
fn files(lab: &Lab, kernel: &Kernel, folder: &Path) -> anyhow::Result<Vec<(PathBuf, String)>> {
    let compile = format!(
        "gcc -static -O2 -isystem /out/usr/include -o /result/{TOOL} /src/tools/dma/{TOOL}.c"
    );
    lab.program(kernel, &compile, folder)
        .with_context(|| format!("cannot compile {TOOL} from the kernel's tree"))?;
    let script = folder.join("bench.sh");
    std::fs::write(&script, SCRIPT).context("cannot write the guest's script")?;
    Ok(vec![
        (folder.join(TOOL), format!("/bin/{TOOL}")),
        (script, "/bench.sh".to_owned()),
    ])
}

/// What the boots have said so far.
#[derive(Default)]
struct Measured {
    ledger: Ledger,
    icount: Option<u8>,
    problems: Vec<String>,
}

impl Measured {
    /// Takes over what a boot has printed about so many cases.
    fn take(&mut self, implementation: Impl, boot: &Boot, cases: usize) {
        self.icount = boot.icount;
        let found = line::parse(&boot.console, PAGE);
        let (name, log) = (implementation.name(), boot.log.display());
        if found.len() != cases || boot.exit != Some(0) {
            self.problems.push(format!(
                "{name}: {} of {cases} cases (console: {log})",
                found.len()
            ));
        }
        self.problems.extend(false_alarms(name, boot));
        for (case, figures) in found {
            self.ledger.add(implementation, case, figures, boot.icount);
        }
    }
}
