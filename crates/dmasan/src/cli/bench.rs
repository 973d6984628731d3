// SPDX-License-Identifier: Apache-2.0 OR MIT

//! `dmasan bench`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use dmasan_lab::MachineKind;

use super::machine_parser;
use crate::bench::{Impl, Size};
use crate::catalog;

/// What is made of the rounds of a benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Stat {
    /// The median of the rounds' medians.
    Median,
    /// The least of the rounds' lower quartiles, for a machine that others use as well.
    Quiet,
}

/// What measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Tool {
    /// This project's module: real page tables without a device behind them.
    Module,
    /// The kernel's own benchmark: the DMA API, with a real driver of an IOMMU and a device.
    #[value(name = "dma_map_benchmark")]
    DmaMapBenchmark,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dmasan bench                                   everything; takes minutes
  dmasan bench --quick                           a first impression
  dmasan bench --sizes 4K,2M --impls off,rust    two sizes, without the kernel's own implementation
  dmasan bench --svg cost.svg --save             with a plot, and kept for comparison
  dmasan bench --machine x86-vtd --tool dma_map_benchmark --impls none,off,c,rust,dma-api-debug
                                                 through the DMA API, on a whole machine

Kernels with the sanitizer off, the kernel's own, and this project's are booted in turn, several
rounds. In each, a module times mapping and unmapping on real page tables, and allocating and
freeing. Costs are of one operation on the whole range (of scattered pages: per 4K page), medians of
the rounds' medians; ± is half of how far the middle half of the rounds lies apart.

  large      the largest leaves that fit
  4K leaves  the same memory at an IOVA that is off by 4K
  scattered  4K pages of which no two neighbours are contiguous, unmapped as a whole
  pages      the page allocator

The kernels are the lab's without the page tables' own debugging, which costs several times what is
measured here. Leave the machine alone meanwhile; where somebody else uses the same processor cores,
as in a cloud, a cost may double for seconds, and --stat quiet compares best.

With --tool dma_map_benchmark, a driver maps and unmaps one buffer after the other for a device that
QEMU has. `none` is a kernel without the sanitizer, dma-api-debug one with DMA_API_DEBUG instead.

On a PC whose processor is emulated, costs are counts of instructions, which do not depend on how
busy the machine is; what memory and locked instructions cost, they do not tell.

Exit status 1: some cases could not be measured.")]
pub(crate) struct BenchArgs {
    /// The machine to run on.
    #[arg(long, value_parser = machine_parser(), default_value_t = MachineKind::Uml)]
    pub(crate) machine: MachineKind,
    /// What measures.
    #[arg(long, value_enum, default_value_t = Tool::Module)]
    pub(crate) tool: Tool,
    /// What is compared.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "IMPL",
          default_values_t = [Impl::Off, Impl::C, Impl::Rust])]
    pub(crate) impls: Vec<Impl>,
    /// Sizes of the ranges: 4K, 64K, 1M, 2M, 16M, 128M, 1G [default: all; with dma_map_benchmark: 4K 1M].
    #[arg(long, value_delimiter = ',', value_name = "SIZE")]
    pub(crate) sizes: Vec<Size>,
    /// Page-table formats.
    #[arg(long, value_delimiter = ',', value_name = "FORMAT", default_value = "amdv1",
          value_parser = catalog::FORMATS.to_vec())]
    pub(crate) formats: Vec<String>,
    /// How many threads at the same time [default: 1 2; with dma_map_benchmark: 1 4].
    #[arg(long, value_delimiter = ',', value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=4))]
    pub(crate) threads: Vec<u32>,
    /// How often everything is booted [default: 11; with --quick: 3; with dma_map_benchmark: 2].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: Option<u32>,
    /// How long each case is measured in each round, in milliseconds [default: 40; with --quick: 20].
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) millis: Option<u32>,
    /// How long a thread waits after each operation, in cycles (without such a counter: ns): threads that use the
    /// same pages have them in turn then.
    #[arg(long, value_name = "CYCLES", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    pub(crate) pause: u32,
    /// What is made of the rounds.
    #[arg(long, value_enum, default_value_t = Stat::Median)]
    pub(crate) stat: Stat,
    /// Fewer sizes, one thread, fewer rounds, less time.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Your own kernel tree; it is copied, not changed [default: Debian's Linux source].
    #[arg(long, value_name = "DIR")]
    pub(crate) linux: Option<PathBuf>,
    /// How long one boot may take, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) timeout: u64,
    /// Draw a plot, cost against size, to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// Keep the results in this folder, as a file named after the kernel and what it ran on.
    #[arg(long, value_name = "DIR", num_args = 0..=1, default_missing_value = "bench/results")]
    pub(crate) save: Option<PathBuf>,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}
