// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What all boots together say.

use std::collections::BTreeMap;

use dmasan_lab::{MachineKind, SourceInfo};
use serde::Serialize;

use super::line::{Case, Figures, Latency};
use crate::bench::results::Impl;

/// Everything that was measured. Fields may be added.
#[derive(Debug, Serialize)]
pub(super) struct Results {
    pub(super) tool: &'static str,
    pub(super) machine: MachineKind,
    /// The kernel's release.
    pub(super) kernel: String,
    pub(super) source: SourceInfo,
    /// The processor's name, as it gives it itself.
    pub(super) cpu: String,
    /// What costs are given in.
    pub(super) unit: Unit,
    pub(super) rounds: u32,
    /// How long each case was measured, in seconds of the guest.
    pub(super) seconds: u32,
    pub(super) impls: Vec<Impl>,
    pub(super) cases: Vec<Row>,
    /// What could not be measured, and why.
    pub(super) problems: Vec<String>,
}

/// What costs are given in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Unit {
    /// Instructions of the guest, of which each takes `1 << icount` ns by its clock.
    Instructions,
    /// Time.
    Nanoseconds,
}

impl Unit {
    /// Of a boot whose clock counted, or did not count, instructions.
    pub(super) fn of(icount: Option<u8>) -> Self {
        icount.map_or(Unit::Nanoseconds, |_| Unit::Instructions)
    }
}

/// One case.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    #[serde(flatten)]
    pub(super) case: Case,
    pub(super) map: BTreeMap<Impl, Cost>,
    pub(super) unmap: BTreeMap<Impl, Cost>,
}

/// One operation on the whole range.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Cost {
    /// The averages of the rounds.
    pub(super) rounds: Vec<f64>,
    /// How far a single one lies from the average, of the last round.
    pub(super) deviation: f64,
}

impl Cost {
    fn add(&mut self, latency: Latency, icount: Option<u8>) {
        // What the benchmark says is in tenths of a microsecond.
        let unit = 100.0 / icount.map_or(1.0, |lg2| f64::from(1u32 << lg2.min(31)));
        self.rounds.push(latency.average as f64 * unit);
        self.deviation = latency.deviation as f64 * unit;
    }

    /// The mean of the rounds.
    pub(super) fn value(&self) -> f64 {
        self.rounds.iter().sum::<f64>() / self.rounds.len().max(1) as f64
    }

    /// How far the rounds lie apart.
    pub(super) fn apart(&self) -> f64 {
        let most = self.rounds.iter().copied().fold(f64::MIN, f64::max);
        let least = self.rounds.iter().copied().fold(f64::MAX, f64::min);
        (most - least).max(0.0)
    }
}

/// What was measured so far.
#[derive(Debug, Default)]
pub(super) struct Ledger(BTreeMap<Case, [BTreeMap<Impl, Cost>; 2]>);

impl Ledger {
    /// Adds what one boot said about a case.
    pub(super) fn add(
        &mut self,
        implementation: Impl,
        case: Case,
        figures: Figures,
        icount: Option<u8>,
    ) {
        let [map, unmap] = self.0.entry(case).or_default();
        for (costs, latency) in [(map, figures.map), (unmap, figures.unmap)] {
            costs
                .entry(implementation)
                .or_default()
                .add(latency, icount);
        }
    }

    /// Cases in order.
    pub(super) fn rows(self) -> Vec<Row> {
        self.0
            .into_iter()
            .map(|(case, [map, unmap])| Row { case, map, unmap })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_becomes_instructions_where_it_counts_them() {
        let latency = Latency {
            average: 128,
            deviation: 64,
        };
        let mut cost = Cost::default();
        cost.add(latency, Some(6));
        assert_eq!((cost.value(), cost.deviation), (200.0, 100.0));
        let mut cost = Cost::default();
        cost.add(latency, None);
        assert_eq!(cost.value(), 12_800.0);
    }

    #[test]
    fn rounds_that_agree_are_not_apart() {
        let cost = |rounds: &[f64]| Cost {
            rounds: rounds.to_vec(),
            deviation: 0.0,
        };
        assert_eq!(cost(&[5.0, 5.0]).apart(), 0.0);
        assert_eq!(cost(&[5.0, 8.0, 6.0]).apart(), 3.0);
        assert_eq!(cost(&[]).apart(), 0.0);
    }
}
