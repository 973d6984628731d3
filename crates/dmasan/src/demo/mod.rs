// SPDX-License-Identifier: Apache-2.0 OR MIT

//! `dmasan demo`: the zoo, case by case.

mod boots;
mod show;
mod summary;
mod verdict;

use std::time::Duration;

use anyhow::Context;
use dmasan_report::Variant;

use crate::catalog::{Case, CASES, FORMATS};
use crate::cli::{Cli, DemoArgs};
use crate::exit::Exit;
use crate::setup;

use boots::Boots;
use summary::{About, Summary};

pub(crate) fn run(cli: &Cli, args: &DemoArgs) -> anyhow::Result<Exit> {
    let (lab, ui) = setup::lab(cli)?;
    let kernel = setup::kernel(&lab, &args.kernel, args.sanitizer.into())?;
    let zoo = lab.zoo(&kernel).context("cannot build the zoo")?;
    let boots = Boots {
        lab: &lab,
        kernel: &kernel,
        zoo: &zoo,
        cases: select(&args.cases),
        format: args
            .format
            .as_ref()
            .and_then(|name| FORMATS.iter().position(|f| f == name)),
        timeout: Duration::from_secs(args.timeout),
    };
    let verdicts = boots.run(&*ui).context("cannot run the zoo")?;
    let summary = Summary::new(About::from(&kernel), &verdicts);
    if args.json {
        setup::print_json(&summary)?;
    } else {
        show::show(&verdicts, &summary)?;
    }
    Ok(match (summary.ok, summary.incomplete == verdicts.len()) {
        (true, _) => Exit::Good,
        (false, false) => Exit::Found,
        (false, true) => Exit::CouldNotRun,
    })
}

/// Both variants of the cases with these numbers, or of all.
fn select(numbers: &[u32]) -> Vec<(&'static Case, Variant)> {
    let wanted = |case: &&Case| numbers.is_empty() || numbers.contains(&case.number);
    let both = |case| [(case, Variant::Bug), (case, Variant::Twin)];
    CASES.iter().filter(wanted).flat_map(both).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_is_run_both_ways_unless_some_are_chosen() {
        assert_eq!(select(&[]).len(), 2 * CASES.len());
        let chosen: Vec<_> = select(&[7])
            .iter()
            .map(|(case, variant)| (case.number, *variant))
            .collect();
        assert_eq!(chosen, [(7, Variant::Bug), (7, Variant::Twin)]);
    }
}
