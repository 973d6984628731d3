// SPDX-License-Identifier: GPL-2.0-only

//! A zoo of small drivers that mishandle DMA mappings, each with a twin that does not.
//!
//! The cases speak to real page tables through the IOMMU API and to the real page allocator;
//! only the hardware behind the tables is missing. None of them knows that a sanitizer exists:
//! they announce in the kernel log what is about to happen, and whoever reads the log judges.
//!
//! The work is done while the module is loaded:
//! `insmod zoo.ko case=1 bug=1 format=0` runs the buggy driver of pattern 1 on the first format.

use kernel::prelude::*;

pub mod catalog;

mod cases;
mod runner;
mod support;

use runner::Selection;

module! {
    type: Zoo,
    name: "zoo",
    authors: ["dmasan contributors"],
    description: "Drivers that mishandle DMA mappings, and their correct twins",
    license: "GPL",
    imports_ns: ["GENERIC_PT_IOMMU"],
    params: {
        case: i32 {
            default: 0,
            description: "Pattern number; 0 (default) for every pattern",
        },
        bug: i32 {
            default: 0,
            description: "1 for the buggy driver, 0 (default) for its correct twin",
        },
        format: i32 {
            default: -1,
            description: "0 amdv1, 1 vtdss, 2 riscv64, 3 x86_64, 4 arm_lpae, 5 arm_v7s; -1 (default): each in turn",
        },
    },
}

/// The loaded module. It holds nothing: every case is over when loading is.
struct Zoo;

impl kernel::Module for Zoo {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let selection = Selection::from_parameters(
            module_parameters::case.value(),
            module_parameters::bug.value(),
            module_parameters::format.value(),
        )?;
        selection.run();
        Ok(Zoo)
    }
}
