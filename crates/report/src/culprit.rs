// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The function that a report is put down to.

use serde::{Deserialize, Serialize};

use crate::frame::Frame;
use crate::stack::Stack;

/// Functions of the sanitizer, the IOMMU core, the DMA API, the allocators and whatever prints
/// stacks: nobody's bug is there. Beginnings of names.
const NOT_GUILTY: &[&str] = &[
    // The sanitizers and what prints stacks.
    "__iommu_debug_",
    "iommu_debug_",
    "dmasan",
    "dump_stack",
    "__dump_stack",
    "dump_trace",
    "show_stack",
    "show_trace",
    "save_stack",
    "stack_trace_",
    "stack_depot_",
    "arch_stack_walk",
    "__warn",
    "warn_",
    "report_bug",
    "handle_bug",
    "exc_",
    "asm_exc_",
    "_printk",
    "__printk",
    "vprintk",
    "um_get_signals",
    "um_set_signals",
    "uml_curr_cpu",
    "kasan_",
    "__kasan_",
    "kmsan_",
    // Page tables.
    "iommu_",
    "__iommu_",
    "iommupt_",
    "pt_iommu_",
    "amdv1_",
    "vtdss_",
    "x86_64_",
    "riscv_64_",
    "io_pgtable_",
    "free_io_pgtable_ops",
    "arm_lpae_",
    "arm_v7s_",
    "arm_smmu_",
    "amd_iommu_",
    "intel_iommu_",
    // The DMA API.
    "dma_map_",
    "__dma_map_",
    "dma_unmap_",
    "__dma_unmap_",
    "dma_alloc_",
    "dma_free_",
    "dma_sync_",
    "__dma_sync_",
    "dma_direct_",
    "dma_pool_",
    "dma_mmap_",
    "dmam_",
    "dma_debug_",
    "debug_dma_",
    "check_unmap",
    "check_sync",
    "check_for_",
    "add_dma_entry",
    "active_cacheline_",
    "dma_entry_",
    "swiotlb_",
    // Allocators.
    "alloc_pages",
    "__alloc_",
    "alloc_frozen_",
    "alloc_contig_",
    "get_page_from_freelist",
    "__get_free_page",
    "get_zeroed_page",
    "prep_new_page",
    "post_alloc_hook",
    "rmqueue",
    "__rmqueue",
    "free_page",
    "__free_",
    "free_frozen_",
    "free_unref_",
    "free_contig_",
    "___free_pages",
    "folio_put",
    "__folio_put",
    "folios_put",
    "put_page",
    "release_pages",
    "kmalloc",
    "__kmalloc",
    "___kmalloc",
    "kfree",
    "kvfree",
    "kvmalloc",
    "vfree",
    "__vmalloc",
    "vmalloc",
    "kmem_cache_",
    "rust_helper_",
];

/// The same for functions with Rust names, where a crate or trait says enough.
const NOT_GUILTY_IN_RUST: [&str; 6] = [
    "kernel::page::",
    "kernel::alloc::",
    "kernel::dma::",
    "<kernel::",
    "core::",
    "<core::",
];

/// The way a driver comes to its device, and is taken off it.
const DRIVER_CORE: [&str; 14] = [
    "device_",
    "__device_",
    "driver_",
    "__driver_",
    "bus_",
    "really_probe",
    "notifier_call_chain",
    "blocking_notifier_",
    "platform_probe",
    "platform_remove",
    "pci_device_",
    "local_pci_probe",
    "unbind_store",
    "drv_attr_store",
];

/// The function that a report is put down to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Culprit {
    /// Its name.
    pub function: String,
    /// Its module; absent for the kernel itself.
    pub module: Option<String>,
}

impl From<&Frame> for Culprit {
    fn from(frame: &Frame) -> Self {
        Self {
            function: frame.function.clone(),
            module: frame.module.clone(),
        }
    }
}

impl Stack {
    /// The first frame that is not an allocator's, the DMA API's, the IOMMU core's or the
    /// sanitizer's: the one to look at.
    ///
    /// Where no frame is reliable, only one in a module is believed.
    #[must_use]
    pub fn guilty(&self) -> Option<&Frame> {
        let reliable = self.frames.iter().any(|frame| frame.reliable);
        let sanitizer = |frame: &Frame| frame.function.contains("iommu_debug");
        let after = self.frames.iter().rposition(sanitizer);
        self.frames[after.map_or(0, |at| at + 1)..]
            .iter()
            .filter(|frame| frame.reliable || !reliable && frame.module.is_some())
            .find(|frame| is_suspect(frame))
    }
}

impl Frame {
    /// Whether it is nobody's bug: a function of the sanitizer, the IOMMU core, the DMA API, an
    /// allocator, or of what prints stacks.
    #[must_use]
    pub fn is_innocent(&self) -> bool {
        !is_suspect(self) || self.function.contains("iommu_debug")
    }
}

fn is_suspect(frame: &Frame) -> bool {
    let begins = |names: &[&str]| names.iter().any(|name| frame.function.starts_with(name));
    // The page owner's own and the unwinder's are never in a module.
    let core =
        || begins(NOT_GUILTY) || begins(&DRIVER_CORE) || frame.function.contains("_page_owner");
    !begins(&NOT_GUILTY_IN_RUST) && (frame.module.is_some() || !core())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guilty(lines: &[&str]) -> Option<String> {
        let frames = lines.iter().filter_map(|line| Frame::parse(line)).collect();
        let stack = Stack { by: None, frames };
        stack.guilty().map(|frame| frame.function.clone())
    }

    #[test]
    fn the_driver_is_to_blame_and_not_the_kernel_around_it() {
        let stack = [
            " dump_stack_lvl+0x1/0x2",
            " iommu_debug_pagealloc::report::mapped+0x2a4/0x340",
            " __iommu_debug_check_unmapped+0x1/0x2",
            " __free_pages_ok+0x1/0x2",
            " ? some_noise+0x1/0x2 [noise]",
            " <kernel::page::Page as core::ops::Drop>::drop+0x1/0x2",
            " zoo::bug+0x1/0x2 [zoo]",
            " do_one_initcall+0x1/0x2",
        ];
        assert_eq!(guilty(&stack).as_deref(), Some("zoo::bug"));
    }

    #[test]
    fn a_driver_may_be_built_in_or_have_a_name_like_the_cores() {
        assert_eq!(
            guilty(&[" __free_pages+0x1/0x2", " e1000_clean+0x1/0x2"]).as_deref(),
            Some("e1000_clean")
        );
        assert_eq!(
            guilty(&[" iommu_map+0x1/0x2", " dma_map_ring+0x1/0x2 [net]"]).as_deref(),
            Some("dma_map_ring")
        );
    }

    #[test]
    fn a_title_that_names_nobody_to_blame_yields_to_the_stack() {
        let culprit = |title: &str, frames: &[&str]| {
            let title = format!("BUG: DMASAN: leak-at-domain-end in {title}");
            let lines = [title.as_str(), "Call Trace:"];
            let log = crate::Log::parse(lines.iter().chain(frames));
            log.reports[0].culprit().map(|culprit| culprit.function)
        };
        let deinit = "amdv1_deinit+0x257/0x270";
        let frames = [" amdv1_deinit+0x257/0x270", " go+0x1/0x2 [zoo]"];
        assert_eq!(culprit(deinit, &frames).as_deref(), Some("go"));
        assert_eq!(culprit(deinit, &[]).as_deref(), Some("amdv1_deinit"));
        assert_eq!(culprit("stop+0x1/0x2", &frames).as_deref(), Some("stop"));
    }

    #[test]
    fn words_on_a_stack_are_believed_in_modules_only() {
        assert_eq!(guilty(&[" ? sys_read+0x1/0x2"]), None);
        assert_eq!(
            guilty(&[" ? sys_read+0x1/0x2", " ? go+0x1/0x2 [zoo]"]).as_deref(),
            Some("go")
        );
    }
}
