//! Configurations that nobody boots here and that must build all the same.

use std::sync::Arc;

use anyhow::{ensure, Result};
use dmasan_lab::{Implementation, KernelRequest, Lab, MachineKind, Quiet, RootCommand};

use super::guest;
use crate::tally::Tally;

/// A kernel that differs from one that is booted.
struct Config {
    name: &'static str,
    machine: MachineKind,
    implementation: Implementation,
    /// How it differs.
    fragment: &'static str,
}

const CONFIGS: &[Config] = &[
    Config {
        name: "the sanitizer left out",
        machine: MachineKind::Uml,
        implementation: Implementation::C,
        fragment: "# CONFIG_IOMMU_DEBUG_PAGEALLOC is not set\n# CONFIG_IOMMU_DEBUG_PAGEALLOC_C is not set\n",
    },
    Config {
        name: "Rust left out",
        machine: MachineKind::Uml,
        implementation: Implementation::C,
        fragment: "# CONFIG_RUST is not set\n",
    },
    Config {
        name: "page tables and iommufd as modules",
        machine: MachineKind::Uml,
        implementation: Implementation::Rust,
        fragment:
            "CONFIG_IOMMU_PT=m\nCONFIG_IOMMU_PT_AMDV1=m\nCONFIG_IOMMU_PT_VTDSS=m\nCONFIG_IOMMU_PT_RISCV64=m\n\
             CONFIG_IOMMU_PT_X86_64=m\nCONFIG_IOMMU_PT_KUNIT_TEST=m\nCONFIG_IOMMUFD=m\n# CONFIG_IOMMUFD_TEST is not set\n",
    },
    Config {
        name: "no printk, no page owner, no KUnit",
        machine: MachineKind::Uml,
        implementation: Implementation::Rust,
        fragment:
            "CONFIG_EXPERT=y\n# CONFIG_PRINTK is not set\n# CONFIG_PRINTK_TIME is not set\n# CONFIG_PAGE_OWNER is not set\n\
             # CONFIG_KUNIT is not set\n# CONFIG_KUNIT_DEFAULT_ENABLED is not set\n# CONFIG_IOMMU_PT_KUNIT_TEST is not set\n\
             # CONFIG_IOMMU_IO_PGTABLE_LPAE_KUNIT_TEST is not set\n\
             # CONFIG_IOMMU_DEBUG_PAGEALLOC_KUNIT_TEST is not set\n",
    },
    Config {
        name: "Arm's IOMMUs that no machine has",
        machine: MachineKind::Arm64Smmuv3,
        implementation: Implementation::Rust,
        fragment: "CONFIG_ARM_SMMU=y\nCONFIG_QCOM_IOMMU=y\nCONFIG_IPMMU_VMSA=y\n",
    },
];

/// What of a kernel with everything in it has to do with us.
const SHARE: &str = "mm/page_ext.o mm/page_alloc.o rust/ drivers/iommu/";
const ALL: &str = "our share of allmodconfig";

/// Builds those whose name has one of the words in it; all of them, if there are no words.
pub(crate) fn configs(words: &[String]) -> Result<Tally> {
    let wanted =
        |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word.as_str()));
    let lab = Lab::open(None, Arc::new(Quiet))?;
    let mut tally = Tally::default();
    for config in CONFIGS.iter().filter(|config| wanted(config.name)) {
        let name = config.name;
        println!("== {name}");
        let mut request = KernelRequest::new(config.machine, config.implementation);
        request
            .fragments
            .push((name.to_owned(), config.fragment.to_owned()));
        let built = lab.kernel(&request);
        if let Err(error) = &built {
            println!("{error}");
        }
        tally.check(name, built.is_ok());
    }
    for implementation in [Implementation::C, Implementation::Rust] {
        let name = format!("{ALL}, {implementation}");
        if wanted(&name) {
            println!("== {name}");
            tally.check(&name, share_of_all(&lab, implementation)?);
        }
    }
    ensure!(
        tally.passed + tally.failed != 0,
        "no configuration has any of these words in its name"
    );
    Ok(tally)
}

/// Whether our files compile without a warning where everything that can be a module is one.
fn share_of_all(lab: &Lab, implementation: Implementation) -> Result<bool> {
    let kernel = guest::kernel(lab, Implementation::Rust)?;
    let out = tempfile::tempdir()?;
    let choice = match implementation {
        Implementation::C => "IOMMU_DEBUG_PAGEALLOC_C",
        Implementation::Rust => "IOMMU_DEBUG_PAGEALLOC_RUST",
    };
    // For a PC, as not all of it can be built for User-Mode Linux. The choice is made where it is offered, in a file that
    // allmodconfig takes its exceptions from; the others keep Rust out.
    let exceptions = format!(
        "CONFIG_RUST=y\\n# CONFIG_MODVERSIONS is not set\\nCONFIG_RANDSTRUCT_NONE=y\\nCONFIG_DEBUG_INFO_NONE=y\\n\
         CONFIG_IOMMU_DEBUG_PAGEALLOC=y\\nCONFIG_{choice}=y\\n"
    );
    let script = format!(
        "set -e; printf '{exceptions}' > /out/all.config
         make() {{ command make -s -j$(nproc) -C /src O=/out ARCH=x86_64 LLVM=1 \"$@\"; }}
         make KCONFIG_ALLCONFIG=/out/all.config allmodconfig
         grep -qx CONFIG_RUST=y /out/.config
         grep -qx CONFIG_{choice}=y /out/.config
         make -k prepare {SHARE}"
    );
    let mut said = Vec::new();
    let status = lab.in_build_root(
        &RootCommand {
            binds: vec![
                (kernel.tree.clone(), "/src".to_owned()),
                (out.path().to_owned(), "/out".to_owned()),
            ],
            cwd: "/src".to_owned(),
            argv: ["sh", "-c", &script].map(str::to_owned).to_vec(),
        },
        &mut |line| said.push(line.to_owned()),
    )?;
    let is_ours = |line: &&String| {
        let place = line.split_whitespace().next().unwrap_or_default();
        OURS.iter().any(|ours| place.contains(ours)) && line.contains("warning")
    };
    let warnings: Vec<&String> = said.iter().filter(is_ours).collect();
    if status != Some(0) {
        println!("{}", said.join("\n"));
    }
    for warning in &warnings {
        println!("{warning}");
    }
    Ok(status == Some(0) && warnings.is_empty())
}

/// What our files have in their paths.
const OURS: &[&str] = &["dmasan/", "page_ext", "iommu-debug"];
