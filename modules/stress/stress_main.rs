// SPDX-License-Identifier: GPL-2.0-only

//! Uses real page tables and real pages at random, in several threads, for a given time.
//!
//! Everything is done by the rules: no page is freed while it is mapped. When all is unmapped and
//! freed, memory is allocated until there is none left and freed again, so that the page allocator
//! looks at every page twice more. Whoever watches mappings has nothing to say all the time.
//!
//! With `wrong=N`, one in N blocks is freed while one page of it is mapped:
//!
//! ```text
//! stress: begin seed=1 threads=4 millis=10000 wrong=50
//! stress: wrong pfn 0x1a2b
//! stress: end wrong=17 faults=0 blocks=... maps=... unmaps=... drained=...
//! ```
//!
//! After each such line, before the next one, the page is reported, once, or the watcher has a
//! hole. Nobody else gets the page before it is unmapped, but for the kernel itself.
//!
//! With `faults=N`, one of the first allocations in one of N maps fails, if it is one of those that debugfs
//! (`fail_page_alloc`, `failslab`) lets fail. Such a map has to fail as a whole.
//!
//! Which operations a thread does depends on the seed and its number; which pages it gets does not.

use kernel::prelude::*;

mod actor;
mod block;
mod drain;
mod faults;
mod plan;
mod random;
mod scene;
mod support;
mod tally;
mod unmapping;

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
    type: Stress,
    name: "stress",
    authors: ["dmasan contributors"],
    description: "Uses IOMMU page tables and pages at random",
    license: "GPL",
    imports_ns: ["GENERIC_PT_IOMMU"],
    params: {
        seed: u64 {
            default: 1,
            description: "Where chance begins",
        },
        threads: u32 {
            default: 4,
            description: "How many threads run at a time",
        },
        millis: u32 {
            default: 10000,
            description: "How long, in milliseconds",
        },
        wrong: u32 {
            default: 0,
            description: "One in so many blocks is freed while mapped; 0 (default) for none",
        },
        faults: u32 {
            default: 0,
            description: "In one of so many maps, an allocation fails; 0 (default) for none",
        },
        formats: u32 {
            default: 0,
            description: "How many page table formats are used, the first ones; 0 (default) for all",
        },
    },
}

/// The loaded module. It holds nothing: everything is over when loading is.
struct Stress;

impl kernel::Module for Stress {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        Plan {
            seed: module_parameters::seed.value(),
            // CAST: A small number.
            threads: module_parameters::threads.value() as usize,
            millis: module_parameters::millis.value(),
            wrong: module_parameters::wrong.value(),
            faults: module_parameters::faults.value(),
            // CAST: A small number.
            formats: module_parameters::formats.value() as usize,
        }
        .run()?;
        Ok(Stress)
    }
}
