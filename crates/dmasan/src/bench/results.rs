// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What all boots together say.

use std::collections::BTreeMap;

use clap::ValueEnum;
use dmasan_lab::{Implementation, MachineKind, SourceInfo};
use serde::Serialize;

use super::line::{Case, Figures};
use crate::cli::Stat;

/// Everything that was measured, and what is concluded. Fields may be added.
#[derive(Debug, Serialize)]
pub(super) struct Results {
    pub(super) machine: MachineKind,
    /// The kernel's release.
    pub(super) kernel: String,
    pub(super) source: SourceInfo,
    /// The processor's name, as it gives it itself.
    pub(super) cpu: String,
    /// What costs are given in.
    pub(super) unit: String,
    pub(super) rounds: u32,
    /// How long each case was measured in each round, in milliseconds.
    pub(super) millis: u32,
    /// How long a thread waited after each operation, in units of the guest's clock.
    pub(super) pause: u32,
    /// Which figure of a case is shown and compared.
    pub(super) stat: Stat,
    pub(super) impls: Vec<Impl>,
    pub(super) cases: Vec<Row>,
    /// What could not be measured, and why.
    pub(super) problems: Vec<String>,
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Impl {
    /// The sanitizer is not built in.
    None,
    /// The sanitizer is built in and not switched on.
    Off,
    /// The kernel's own.
    C,
    /// This project's.
    Rust,
    /// This project's, which remembers who maps and unmaps.
    #[value(name = "rust+origins")]
    #[serde(rename = "rust+origins")]
    RustOrigins,
    /// No sanitizer but DMA_API_DEBUG, which knows what drivers have mapped, and not whose pages those are.
    #[value(name = "dma-api-debug")]
    #[serde(rename = "dma-api-debug")]
    DmaApiDebug,
}

impl Impl {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Off => "off",
            Self::C => "c",
            Self::Rust => "rust",
            Self::RustOrigins => "rust+origins",
            Self::DmaApiDebug => "dma-api-debug",
        }
    }

    /// Which sanitizer is in its kernel, and what else its kernel has.
    pub(super) fn kernel(self) -> (Implementation, &'static [(&'static str, &'static str)]) {
        match self {
            Self::None => (Implementation::C, &[WITHOUT]),
            Self::Off | Self::Rust | Self::RustOrigins => (Implementation::Rust, &[]),
            Self::C => (Implementation::C, &[]),
            Self::DmaApiDebug => (Implementation::C, &[WITHOUT, DMA_API_DEBUG]),
        }
    }

    /// Words for the kernel's command line. None of them has the page owner, which costs more than what is measured.
    pub(super) fn append(self) -> Vec<String> {
        let words: &[&str] = match self {
            Self::None | Self::Off | Self::DmaApiDebug => &[],
            Self::C | Self::Rust => &["iommu.debug_pagealloc=1"],
            Self::RustOrigins => &["iommu.debug_pagealloc=1", "iommu.debug_pagealloc.origins=1"],
        };
        words.iter().map(|&word| word.to_owned()).collect()
    }
}

const WITHOUT: (&str, &str) = (
    "without the sanitizer",
    "# CONFIG_IOMMU_DEBUG_PAGEALLOC is not set\n# CONFIG_IOMMU_DEBUG_PAGEALLOC_C is not set\n",
);
const DMA_API_DEBUG: (&str, &str) = ("DMA_API_DEBUG", "CONFIG_DMA_API_DEBUG=y\n");

/// One case, as measured on each implementation.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    #[serde(flatten)]
    pub(super) case: Case,
    pub(super) costs: BTreeMap<Impl, Cost>,
    /// How many times what it costs with the sanitizer off.
    pub(super) times_off: BTreeMap<Impl, f64>,
}

/// One case on one implementation.
#[derive(Debug, Serialize)]
pub(super) struct Cost {
    /// The median of the rounds' medians.
    pub(super) median: u64,
    /// The lower quartile of the rounds' lower quartiles: what it costs while nobody else uses the
    /// machine. Not the least of them: what is taken off for reading the clock is found out once a
    /// round, and where that was too much, all figures of the round are too small.
    pub(super) quiet: u64,
    /// How far the middle half of the rounds' medians lies apart, as a share of the median.
    pub(super) spread: f64,
    /// What each round said.
    pub(super) rounds: Vec<Figures>,
}

impl Cost {
    /// Concludes from the rounds; `None` if there are none.
    fn of(rounds: Vec<Figures>) -> Option<Self> {
        let mut medians: Vec<u64> = rounds.iter().map(|round| round.median).collect();
        medians.sort_unstable();
        let last = medians.len().checked_sub(1)?;
        // Of an even number, the two in the middle.
        let median = u64::midpoint(medians[last / 2], medians[last - last / 2]);
        let apart = medians[last - last / 4] - medians[last / 4];
        let mut lower: Vec<u64> = rounds.iter().map(|round| round.p25).collect();
        lower.sort_unstable();
        let quiet = lower[last / 4];
        Some(Self {
            median,
            quiet,
            spread: quotient(apart, median),
            rounds,
        })
    }

    /// The figure that is shown and compared.
    pub(super) fn value(&self, stat: Stat) -> u64 {
        match stat {
            Stat::Median => self.median,
            Stat::Quiet => self.quiet,
        }
    }
}

/// `0 / 0` is nothing, not an error: an operation may be too cheap to be measured.
fn quotient(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// What was measured so far.
#[derive(Debug, Default)]
pub(super) struct Ledger(BTreeMap<Case, BTreeMap<Impl, Vec<Figures>>>);

impl Ledger {
    /// Adds what one boot said about a case.
    pub(super) fn add(&mut self, implementation: Impl, case: Case, figures: Figures) {
        let costs = self.0.entry(case).or_default();
        costs.entry(implementation).or_default().push(figures);
    }

    /// Concludes; cases are in order.
    pub(super) fn rows(self, stat: Stat) -> Vec<Row> {
        self.0
            .into_iter()
            .map(|(case, costs)| row(case, costs, stat))
            .collect()
    }
}

fn row(case: Case, rounds: BTreeMap<Impl, Vec<Figures>>, stat: Stat) -> Row {
    let costs: BTreeMap<Impl, Cost> = rounds
        .into_iter()
        .filter_map(|(implementation, rounds)| Some((implementation, Cost::of(rounds)?)))
        .collect();
    let off = costs.get(&Impl::Off).map(|cost| cost.value(stat));
    let times_off = costs
        .iter()
        .filter(|(implementation, _)| **implementation != Impl::Off)
        .filter_map(|(implementation, cost)| {
            Some((*implementation, quotient(cost.value(stat), off?)))
        })
        .collect();
    Row {
        case,
        costs,
        times_off,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::line::{self, Line};
    use super::*;

    /// What a module would have printed, with this median.
    pub(in super::super) fn figures(median: u64) -> Figures {
        Figures {
            samples: 100,
            batch: 1,
            min: median / 2,
            p25: median - 1,
            median,
            p75: median + 1,
        }
    }

    /// A case by the fields that differ.
    pub(in super::super) fn case(kind: &str, size: u64, op: &str) -> Case {
        let line = format!(
            "bench: format=amdv1 kind={kind} share=none size={size} threads=1 op={op} \
             samples=1 batch=1 min=1 p25=1 median=1 p75=1"
        );
        match line::parse(&line) {
            Some(Line::Result(case, _)) => case,
            other => panic!("{line}: {other:?}"),
        }
    }

    /// Three rounds of a few cases; each implementation costs as much more than the one before.
    pub(in super::super) fn results(impls: &[Impl]) -> Results {
        let mut ledger = Ledger::default();
        for (at, implementation) in impls.iter().enumerate() {
            let times = at as u64 + 1;
            for (kind, size, op, cost) in [
                ("large", 4096, "map", 100),
                ("large", 4096, "unmap", 120),
                ("large", 65536, "map", 300),
                ("scattered", 65536, "map", 1600),
                ("pages", 4096, "free", 150),
            ] {
                for round in 0..3 {
                    let figures = figures(cost * times + round);
                    ledger.add(*implementation, case(kind, size, op), figures);
                }
            }
        }
        Results {
            machine: MachineKind::Uml,
            kernel: "7.3.4".to_owned(),
            source: SourceInfo::Debian {
                package: "linux-source-7.3".to_owned(),
                version: "7.3.4-1".to_owned(),
                sha256: "00".to_owned(),
            },
            cpu: "A processor".to_owned(),
            unit: "cycles".to_owned(),
            rounds: 3,
            millis: 25,
            pause: 0,
            stat: Stat::Median,
            impls: impls.to_vec(),
            cases: ledger.rows(Stat::Median),
            problems: Vec::new(),
        }
    }

    #[test]
    fn the_median_of_the_rounds_is_compared_with_off() {
        let mut ledger = Ledger::default();
        for median in [100, 900, 98] {
            ledger.add(Impl::Off, case("large", 4096, "map"), figures(median));
        }
        for median in [150, 160, 155] {
            ledger.add(Impl::Rust, case("large", 4096, "map"), figures(median));
        }
        let rows = ledger.rows(Stat::Median);
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].costs[&Impl::Off].median, 100);
        assert_eq!(rows[0].times_off[&Impl::Rust], 1.55);
        assert!(!rows[0].times_off.contains_key(&Impl::Off));
    }

    #[test]
    fn one_quiet_round_is_enough_to_compare_quiet_figures() {
        let mut ledger = Ledger::default();
        for (implementation, medians) in [(Impl::Off, [101, 200]), (Impl::Rust, [400, 201])] {
            for median in medians {
                ledger.add(implementation, case("large", 4096, "map"), figures(median));
            }
        }
        let rows = ledger.rows(Stat::Quiet);
        assert_eq!(rows[0].costs[&Impl::Off].quiet, 100);
        assert_eq!(rows[0].times_off[&Impl::Rust], 2.0);
    }

    #[test]
    fn a_round_that_is_too_good_to_be_true_is_not_the_quiet_one() {
        let cost = Cost::of([72, 140, 55, 73, 200].map(figures).to_vec()).unwrap();
        assert_eq!(cost.quiet, 71);
    }

    #[test]
    fn of_an_even_number_of_rounds_none_is_preferred() {
        let cost = Cost::of([100, 200].map(figures).to_vec()).unwrap();
        assert_eq!(cost.median, 150);
    }

    #[test]
    fn without_off_there_is_nothing_to_compare_with() {
        let mut ledger = Ledger::default();
        ledger.add(Impl::C, case("large", 4096, "map"), figures(150));
        assert!(ledger.rows(Stat::Median)[0].times_off.is_empty());
    }

    #[test]
    fn one_wild_round_in_five_does_not_spread() {
        let calm = Cost::of([100, 101, 99, 100, 5000].map(figures).to_vec()).unwrap();
        assert!(calm.spread < 0.02, "{}", calm.spread);
        let wild = Cost::of([100, 200, 100, 200].map(figures).to_vec()).unwrap();
        assert!(wild.spread > 0.6, "{}", wild.spread);
    }

    #[test]
    fn a_cost_of_nothing_has_no_ratio_that_is_not_a_number() {
        let mut ledger = Ledger::default();
        for implementation in [Impl::Off, Impl::Rust] {
            ledger.add(
                implementation,
                case("large", 4096, "map"),
                Figures {
                    median: 0,
                    ..figures(1)
                },
            );
        }
        assert_eq!(ledger.rows(Stat::Median)[0].times_off[&Impl::Rust], 0.0);
    }
}
