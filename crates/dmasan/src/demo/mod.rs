// SPDX-License-Identifier: Apache-2.0 OR MIT

//! `dmasan demo`: the zoo, case by case.

mod boots;
mod show;
mod summary;
mod verdict;

use std::time::Duration;

use anyhow::Context;
use dmasan_lab::OwnModule;
use dmasan_report::Variant;

use crate::catalog::{Case, CASES};
use crate::cli::{Cli, DemoArgs};
use crate::exit::Exit;
use crate::report::GuestSymbols;
use crate::setup;

use boots::{Boots, Places};
use summary::{About, Summary, REPORTS_KEPT};

pub(crate) fn run(cli: &Cli, args: &DemoArgs) -> anyhow::Result<Exit> {
    let places = match &args.format {
        Some(name) => Places::named(name).context("no such format")?,
        None => Places::All,
    };
    let has_device = args.kernel.machine.translates_dma();
    if places == Places::Device && !has_device {
        anyhow::bail!(
            "no driver of the machine {} maps anything through an IOMMU; `--machine x86-vtd` has some that do",
            args.kernel.machine
        );
    }
    let (lab, ui) = setup::lab(cli)?;
    let kernel = setup::kernel(&lab, &args.kernel, args.sanitizer.into())?;
    let zoo = lab.zoo(&kernel).context("cannot build the zoo")?;
    let edu = if has_device {
        let edu = lab.own_module(&kernel, OwnModule::Edu);
        Some(edu.context("cannot build the drivers of the device")?)
    } else {
        None
    };
    let boots = Boots {
        lab: &lab,
        kernel: &kernel,
        zoo: &zoo,
        edu: edu.as_deref(),
        cases: select(&args.cases, places),
        places,
        timeout: Duration::from_secs(args.timeout),
    };
    let mut verdicts = boots.run(&*ui).context("cannot run the zoo")?;
    let modules = [Some(zoo.clone()), edu.clone()];
    let mut symbols = GuestSymbols::new(&kernel, modules.into_iter().flatten().collect());
    if args.json {
        for verdict in &mut verdicts {
            let kept = verdict.reports.iter_mut().take(REPORTS_KEPT);
            kept.for_each(|report| symbols.resolve(report));
        }
    }
    let summary = Summary::new(About::from(&kernel), &verdicts);
    if args.json {
        setup::print_json(&summary)?;
    } else {
        show::show(&verdicts, &summary, &mut symbols)?;
    }
    Ok(match (summary.ok, summary.incomplete == verdicts.len()) {
        (true, _) => Exit::Good,
        (false, false) => Exit::Found,
        (false, true) => Exit::CouldNotRun,
    })
}

/// Both variants of the cases with these numbers, or of all, that run there.
fn select(numbers: &[u32], places: Places) -> Vec<(&'static Case, Variant)> {
    let wanted = |case: &&Case| {
        (numbers.is_empty() || numbers.contains(&case.number))
            && (places != Places::Device || places.has_device(case))
    };
    let both = |case| [(case, Variant::Bug), (case, Variant::Twin)];
    CASES.iter().filter(wanted).flat_map(both).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::ON_EDU;

    #[test]
    fn every_case_is_run_both_ways_unless_some_are_chosen() {
        assert_eq!(select(&[], Places::All).len(), 2 * CASES.len());
        assert_eq!(select(&[], Places::Device).len(), 2 * ON_EDU.len());
        let chosen: Vec<_> = select(&[7], Places::All)
            .iter()
            .map(|(case, variant)| (case.number, *variant))
            .collect();
        assert_eq!(chosen, [(7, Variant::Bug), (7, Variant::Twin)]);
    }
}
