// SPDX-License-Identifier: GPL-2.0-only

//! Measures what maps, unmaps, allocations and frees cost, on real page tables and real pages.
//!
//! The work is done while the module is loaded:
//! `insmod bench.ko format=0 kinds=3 sizes=0x7f millis=200`.
//!
//! The kernel log gets one line for each case and operation. Costs are of one operation on the
//! whole range, timed one by one, less what reading the clock costs. A sample is the mean of `batch`
//! of them, so that steps of the clock average out:
//!
//! ```text
//! bench: begin unit=cycles clock=27 memory=0x40000000 threads=1
//! bench: format=amdv1 kind=large share=none size=4096 threads=1 op=map unit=cycles samples=4096 batch=64 min=95 p25=98 median=100 p75=104
//! bench: end lines=1
//! ```
//!
//! A case that cannot be measured is a line `bench: failed format=... error=...`.

use kernel::prelude::*;

mod allocation;
mod case;
mod clock;
mod mapping;
mod measure;
mod plan;
mod samples;
mod support;

// The formats are listed there; the zoo's cases are not ours.
#[path = "zoo/catalog.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    reason = "the zoo and the tool make more use of it"
)]
mod catalog;

use plan::Plan;

module! {
    type: Bench,
    name: "bench",
    authors: ["dmasan contributors"],
    description: "Measures IOMMU mappings and page allocations",
    license: "GPL",
    imports_ns: ["GENERIC_PT_IOMMU"],
    params: {
        format: i32 {
            default: 0,
            description: "0 (default) amdv1, 1 vtdss, 2 riscv64, 3 x86_64",
        },
        kinds: u32 {
            default: 15,
            description: "Sum of 1 large leaves, 2 4K leaves, 4 scattered pages, 8 page allocator",
        },
        sizes: u32 {
            default: 31,
            description: "Sum of 1 4K, 2 64K, 4 1M, 8 2M, 16 16M, 32 128M, 64 1G",
        },
        threads: u32 {
            default: 1,
            description: "How many threads run at a time, each on a processor of its own",
        },
        shares: u32 {
            default: 7,
            description: "Of two threads or more: sum of 1 one domain, 2 a domain each, 4 same pages",
        },
        millis: u32 {
            default: 100,
            description: "How long each case is measured, in milliseconds",
        },
        pause: u32 {
            default: 0,
            description: "How long to wait after each operation, in units of the clock",
        },
    },
}

/// The loaded module. It holds nothing: everything is measured when loading is over.
struct Bench;

impl kernel::Module for Bench {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let plan = Plan::from_parameters(
            module_parameters::format.value(),
            module_parameters::kinds.value(),
            module_parameters::sizes.value(),
            module_parameters::threads.value(),
            module_parameters::shares.value(),
            module_parameters::millis.value(),
            module_parameters::pause.value(),
        )?;
        plan.run()?;
        Ok(Bench)
    }
}
