// SPDX-License-Identifier: Apache-2.0 OR MIT

//! `dmasan bench`: what the sanitizer costs.

mod boots;
mod dma_map;
mod line;
mod plot;
mod results;
mod show;
mod size;

use std::path::Path;
use std::time::Duration;

use anyhow::{ensure, Context};
use dmasan_lab::{Kernel, KernelRequest, Lab, MachineKind, OwnModule};
use serde::Serialize;

use crate::catalog::FORMATS;
use crate::cli::{BenchArgs, Cli, Tool};
use crate::exit::Exit;
use crate::setup;

use boots::{Boots, Candidate};
pub(crate) use results::Impl;
use results::Results;
pub(crate) use size::Size;

/// The page tables' own debugging makes a 4K leaf several times as expensive as it is.
const PLAIN: (&str, &str) = ("plain", "# CONFIG_DEBUG_GENERIC_PT is not set\n");

/// What is measured when little time is to be spent.
const QUICK_SIZES: [Size; 4] = [Size(4 << 10), Size(64 << 10), Size(2 << 20), Size(16 << 20)];

pub(crate) fn run(cli: &Cli, args: &BenchArgs) -> anyhow::Result<Exit> {
    let (lab, ui) = setup::lab(cli)?;
    let mut impls: Vec<Impl> = args.impls.clone();
    impls.sort_unstable();
    impls.dedup();
    if args.tool == Tool::DmaMapBenchmark {
        return dma_map::run(&lab, &ui, args, &impls);
    }
    ensure!(
        !impls.contains(&Impl::DmaApiDebug),
        "the module maps without the DMA API, of which DMA_API_DEBUG sees nothing; \
         `--tool dma_map_benchmark` maps through it"
    );
    let candidates = impls
        .iter()
        .map(|one| candidate(&lab, args, *one))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let (rounds, millis) = if args.quick { (3, 20) } else { (11, 40) };
    let boots = Boots {
        lab: &lab,
        candidates: &candidates,
        formats: args
            .formats
            .iter()
            .filter_map(|name| FORMATS.iter().position(|format| format == name))
            .collect(),
        threads: match (args.threads.is_empty(), args.quick) {
            (_, true) => vec![1],
            (true, false) => vec![1, 2],
            (false, false) => args.threads.clone(),
        },
        sizes: match (args.sizes.is_empty(), args.quick) {
            (false, _) => args.sizes.clone(),
            (true, true) => QUICK_SIZES.to_vec(),
            (true, false) => size::SIZES.to_vec(),
        },
        rounds: args.rounds.unwrap_or(rounds),
        millis: args.millis.unwrap_or(millis),
        pause: args.pause,
        timeout: Duration::from_secs(args.timeout),
    };
    let measured = boots.run(&*ui).context("cannot measure")?;

    let kernel = &candidates.first().context("nothing to compare")?.kernel;
    let results = Results {
        machine: kernel.machine,
        kernel: kernel.release.clone(),
        source: kernel.source.clone(),
        cpu: cpu(&std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default()),
        unit: measured.unit.unwrap_or_default(),
        rounds: boots.rounds,
        millis: boots.millis,
        pause: boots.pause,
        stat: args.stat,
        impls,
        cases: measured.ledger.rows(args.stat),
        problems: measured.problems,
    };
    if let (Some(path), Some(format)) = (&args.svg, args.formats.first()) {
        plot::draw(&results, format, path)?;
    }
    if let Some(folder) = &args.save {
        let place = match results.machine {
            MachineKind::Uml => slug(&results.cpu),
            other => format!("{}-{other}", results.unit),
        };
        let name = format!("{}-{place}.json", results.kernel);
        save(&results, &folder.join(name))?;
    }
    if args.json {
        setup::print_json(&results)?;
    } else {
        show::show(&results)?;
    }
    Ok(exit(results.problems.is_empty(), results.cases.is_empty()))
}

/// Gets the kernel, and the module for it.
fn candidate(lab: &Lab, args: &BenchArgs, implementation: Impl) -> anyhow::Result<Candidate> {
    let kernel = kernel(lab, args, implementation)?;
    let module = lab
        .own_module(&kernel, OwnModule::Bench)
        .context("cannot build the bench module")?;
    Ok(Candidate {
        implementation,
        kernel,
        module,
    })
}

fn kernel(lab: &Lab, args: &BenchArgs, implementation: Impl) -> anyhow::Result<Kernel> {
    let (which, fragments) = implementation.kernel();
    let request = KernelRequest {
        linux: args.linux.clone(),
        fragments: std::iter::once(&PLAIN)
            .chain(fragments)
            .map(|&(name, text)| (name.to_owned(), text.to_owned()))
            .collect(),
        ..KernelRequest::new(args.machine, which)
    };
    lab.kernel(&request)
        .with_context(|| format!("cannot build the kernel for `{}`", implementation.name()))
}

/// Writes results, and the folder for them.
fn save(results: &impl Serialize, path: &Path) -> anyhow::Result<()> {
    // Compact: most of it is what each round said.
    let mut json = serde_json::to_string(results).context("cannot write JSON")?;
    json.push('\n');
    path.parent()
        .map_or(Ok(()), std::fs::create_dir_all)
        .and_then(|()| std::fs::write(path, json))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// What the exit status says: whether all, some or none of it was measured.
fn exit(no_problems: bool, no_cases: bool) -> Exit {
    match (no_problems, no_cases) {
        (true, _) => Exit::Good,
        (false, false) => Exit::Found,
        (false, true) => Exit::CouldNotRun,
    }
}

/// The processor's name, from `/proc/cpuinfo`.
fn cpu(info: &str) -> String {
    let name = info
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == "model name");
    let words = name.map_or("unknown", |(_, name)| name);
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The name as part of a file's name.
fn slug(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<String> = words
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    words.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_is_named_as_it_names_itself() {
        let info = "processor\t: 0\nmodel name\t: AMD EPYC  7763 (2.45 GHz)\n";
        assert_eq!(cpu(info), "AMD EPYC 7763 (2.45 GHz)");
        assert_eq!(slug(&cpu(info)), "amd-epyc-7763-2-45-ghz");
        assert_eq!(cpu(""), "unknown");
    }
}
