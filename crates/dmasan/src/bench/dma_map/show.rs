// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The results for people.

use super::results::{Results, Unit};
use crate::bench::results::Impl;
use crate::bench::show::{aligned, problems};
use crate::setup::print;
use crate::table::{cell, table, Mood};

/// Prints the table and what could not be measured.
pub(super) fn show(results: &Results) -> anyhow::Result<()> {
    print(&rows(results))?;
    let unit = match results.unit {
        Unit::Instructions => "instructions of an emulated processor",
        Unit::Nanoseconds => "ns",
    };
    print(&format!(
        "\ndma_map_benchmark, Linux {} on {}, strict; {unit}, averages of {} s of the guest and of {} rounds, which lie \
         at most {:.1}% apart",
        results.kernel,
        results.machine,
        results.seconds,
        results.rounds,
        apart(results) * 100.0
    ))?;
    problems(&results.problems)
}

/// How far the rounds lie apart where it is most, as a share.
fn apart(results: &Results) -> f64 {
    results
        .cases
        .iter()
        .flat_map(|row| row.map.values().chain(row.unmap.values()))
        .map(|cost| cost.apart() / cost.value().max(1.0))
        .fold(0.0, f64::max)
}

fn rows(results: &Results) -> String {
    let base = [Impl::None, Impl::Off]
        .into_iter()
        .find(|one| results.impls.contains(one));
    let mut header = vec!["size", "threads", "op"];
    header.extend(results.impls.iter().map(|one| one.name()));
    let mut table = table(&header);
    for row in &results.cases {
        for (op, costs) in [("map", &row.map), ("unmap", &row.unmap)] {
            let mut cells = vec![
                cell(row.case.size, Mood::Plain),
                cell(row.case.threads, Mood::Plain),
                cell(op, Mood::Plain),
            ];
            let whole = base.and_then(|base| costs.get(&base));
            cells.extend(results.impls.iter().map(|one| {
                let Some(cost) = costs.get(one) else {
                    return cell("-", Mood::Plain);
                };
                let value = cost.value();
                let text = match whole {
                    Some(whole) if Some(*one) != base => {
                        format!("{value:.0} ({:.2})", value / whole.value().max(1.0))
                    }
                    _ => format!("{value:.0}"),
                };
                cell(text, Mood::Plain)
            }));
            table.add_row(cells);
        }
    }
    aligned(table)
}
