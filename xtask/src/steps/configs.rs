//! Configurations that nobody boots here and that must build all the same.

use std::sync::Arc;

use anyhow::Result;
use dmasan_lab::{Implementation, KernelRequest, Lab, MachineKind, Quiet};

use crate::tally::Tally;

/// Name, implementation, and what differs from the configuration that is booted.
const CONFIGS: &[(&str, Implementation, &str)] = &[
    (
        "the sanitizer left out",
        Implementation::C,
        "# CONFIG_IOMMU_DEBUG_PAGEALLOC is not set\n# CONFIG_IOMMU_DEBUG_PAGEALLOC_C is not set\n",
    ),
    ("Rust left out", Implementation::C, "# CONFIG_RUST is not set\n"),
    (
        "page tables and iommufd as modules",
        Implementation::Rust,
        "CONFIG_IOMMU_PT=m\nCONFIG_IOMMU_PT_AMDV1=m\nCONFIG_IOMMU_PT_VTDSS=m\nCONFIG_IOMMU_PT_RISCV64=m\n\
         CONFIG_IOMMU_PT_X86_64=m\nCONFIG_IOMMU_PT_KUNIT_TEST=m\nCONFIG_IOMMUFD=m\n# CONFIG_IOMMUFD_TEST is not set\n",
    ),
    (
        "no printk, no page owner, no KUnit",
        Implementation::Rust,
        "CONFIG_EXPERT=y\n# CONFIG_PRINTK is not set\n# CONFIG_PRINTK_TIME is not set\n# CONFIG_PAGE_OWNER is not set\n\
         # CONFIG_KUNIT is not set\n# CONFIG_KUNIT_DEFAULT_ENABLED is not set\n# CONFIG_IOMMU_PT_KUNIT_TEST is not set\n\
         # CONFIG_IOMMU_IO_PGTABLE_LPAE_KUNIT_TEST is not set\n\
         # CONFIG_IOMMU_DEBUG_PAGEALLOC_KUNIT_TEST is not set\n",
    ),
];

/// Builds them all.
pub(crate) fn configs() -> Result<Tally> {
    let lab = Lab::open(None, Arc::new(Quiet))?;
    let mut tally = Tally::default();
    for (name, implementation, fragment) in CONFIGS {
        println!("== {name}");
        let mut request = KernelRequest::new(MachineKind::Uml, *implementation);
        request
            .fragments
            .push(((*name).to_owned(), (*fragment).to_owned()));
        let built = lab.kernel(&request);
        if let Err(error) = &built {
            println!("{error}");
        }
        tally.check(name, built.is_ok());
    }
    Ok(tally)
}
