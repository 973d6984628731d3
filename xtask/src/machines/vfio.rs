//! Devices that are assigned to user space, through VFIO.
//!
//! A container of VFIO has one IOMMU domain for all devices, unless one of them cannot be attached to it, as behind another
//! SMMU: then it has two, of which one may be freed with all that is mapped in it. Where a board can have a second
//! IOMMU, it gets one.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{ensure, Context, Result};
use dmasan_lab::{Board, Device, Guest, Kernel, Lab, MachineKind, RootCommand};

use super::workload::{self, SCRIPT};
use crate::steps::guest;
use crate::tally::Tally;

const VFIO: &str = include_str!("../../workloads/vfio.sh");

/// What is compiled, and how.
const SOURCES: &[(&str, &str)] = &[
    ("bare.rs", include_str!("../../workloads/vfio/bare.rs")),
    ("build.sh", include_str!("../../workloads/vfio/build.sh")),
    (
        "two-iommus.dts",
        include_str!("../../workloads/vfio/two-iommus.dts"),
    ),
    ("vfio.rs", include_str!("../../workloads/vfio/vfio.rs")),
];

/// A second PCI bus, an IOMMU for each bus, and a device on each. The device tree is `two-iommus.dts`.
const TWO_IOMMUS: &str = "-machine iommu=none \
    -device pxb-pcie,id=second,bus_nr=128 \
    -device arm-smmuv3,primary-bus=pcie.0 \
    -device arm-smmuv3,primary-bus=second \
    -device edu,bus=pcie.0 \
    -device pcie-root-port,id=below,bus=second \
    -device edu,bus=below";

/// Whether the machine can have a second IOMMU.
fn has_two(machine: MachineKind) -> bool {
    matches!(
        machine,
        MachineKind::Arm64Smmuv3
            | MachineKind::Arm64Smmuv3Pages16k
            | MachineKind::Arm64Smmuv3Pages64k
    )
}

/// Whether VFIO takes the machine's devices, and the program can be compiled for it. RISC-V's IOMMU driver does not promise
/// cache coherency, without which VFIO takes none.
pub(super) fn fits(machine: MachineKind) -> bool {
    machine.translates_dma() && (machine.runs_programs() || has_two(machine))
}

/// Three tests: the guest comes to its end, there is no report, and the work is done, after which nothing is mapped.
pub(super) fn run(lab: &Lab, kernel: &Kernel) -> Result<Tally> {
    let mut tally = Tally::default();
    let folder = tempfile::tempdir()?;
    build(lab, kernel, folder.path())?;
    let mut files = workload::files(folder.path(), VFIO)?;
    files.push((folder.path().join("vfio"), "/vfio".to_owned()));
    let two = has_two(kernel.machine);
    let board = two.then(|| Board {
        arguments: guest::words(TWO_IOMMUS),
        device_tree: folder.path().join("two-iommus.dtb"),
    });
    let devices = if two { vec![] } else { vec![Device::Edu; 2] };
    let domains = if two { "2" } else { "1" };
    let guest = Guest {
        command: ["sh", SCRIPT, domains].map(str::to_owned).to_vec(),
        files,
        append: guest::words(
            "iommu.debug_pagealloc=1 iommu.debug_pagealloc.origins=1 page_owner=on vfio_iommu_type1.allow_unsafe_interrupts=1",
        ),
        memory_mib: 512,
        devices,
        board,
        timeout: Duration::from_secs(240),
        ..Guest::default()
    };
    let boot = lab
        .boot(kernel, &guest, &mut |_| ())
        .context("cannot boot")?;
    let what = format!("{}, vfio, domains: {domains}", kernel.machine);
    guest::expect_silence(&mut tally, &what, &boot);
    let done = boot.exit == Some(0);
    if !done {
        println!("   {what}: not done, see {}", boot.log.display());
    }
    tally.check(&format!("{what}: the work is done"), done);
    Ok(tally)
}

/// Compiles the program and the device tree, in `folder`.
fn build(lab: &Lab, kernel: &Kernel, folder: &Path) -> Result<()> {
    for (name, text) in SOURCES {
        fs::write(folder.join(name), text)?;
    }
    let processor = if kernel.machine.runs_programs() {
        "native"
    } else {
        "foreign"
    };
    let command = RootCommand {
        binds: vec![
            (kernel.build_dir.clone(), "/out".to_owned()),
            (folder.to_owned(), "/result".to_owned()),
        ],
        cwd: "/result".to_owned(),
        argv: ["sh", "build.sh", processor].map(str::to_owned).to_vec(),
    };
    let mut said = Vec::new();
    let status = lab.in_build_root(&command, &mut |line| said.push(line.to_owned()))?;
    ensure!(status == Some(0), "cannot compile:\n{}", said.join("\n"));
    Ok(())
}
