//! Real drivers at work on real devices, with the sanitizer on. A further one is an entry in the list.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use dmasan_lab::{Boot, Device, Guest, Kernel, Lab};

use super::finding::explaining;
use crate::steps::guest;
use crate::tally::Tally;

/// A device, and a script that makes its driver work and checks what it did.
pub(crate) struct Workload {
    /// The device.
    pub(crate) device: Device,
    script: &'static str,
    /// Arguments for the script.
    arguments: &'static [&'static str],
}

const DISK: &str = include_str!("../../workloads/disk.sh");
const NET: &str = include_str!("../../workloads/net.sh");

/// All of them.
pub(crate) const WORKLOADS: &[Workload] = &[
    Workload::new(Device::E1000e, NET, &["e1000e"]),
    Workload::new(Device::Igb, NET, &["igb"]),
    Workload::new(Device::VirtioNet, NET, &["virtio-pci"]),
    Workload::new(Device::Nvme, DISK, &["nvme0n1", "nvme"]),
    Workload::new(Device::VirtioBlk, DISK, &["vda", "virtio-pci"]),
    Workload::new(Device::Ahci, DISK, &["sda", "ahci"]),
    Workload::new(Device::Xhci, DISK, &["sda", "xhci_hcd"]),
    Workload::new(Device::Sdhci, DISK, &["mmcblk0", "sdhci-pci"]),
];

/// When the IOMMU forgets what was unmapped: at once, or some time later.
const MODES: [(&str, &str); 2] = [("strict", "iommu.strict=1"), ("lazy", "iommu.strict=0")];

const SCRIPT: &str = "/workload.sh";

impl Workload {
    const fn new(
        device: Device,
        script: &'static str,
        arguments: &'static [&'static str],
    ) -> Workload {
        Workload {
            device,
            script,
            arguments,
        }
    }

    /// Three tests in each mode: the guest comes to its end, the work is done, there is no report but of bugs
    /// that are known.
    pub(crate) fn run(&self, lab: &Lab, kernel: &Kernel) -> Result<Tally> {
        let mut tally = Tally::default();
        for (mode, word) in MODES {
            let boot = self.boot(lab, kernel, word)?;
            let what = format!("{}, {}, {mode}", kernel.machine, self.device);
            let mut known = BTreeMap::new();
            guest::expect_silence_but(&mut tally, &what, &boot, |report| {
                let finding = explaining(kernel.machine, report);
                if let Some(finding) = finding {
                    *known.entry(finding.file).or_insert(0u32) += 1;
                }
                finding.is_some()
            });
            for (file, reports) in known {
                println!("   {what}: {reports} reports are explained in docs/findings/{file}");
            }
            let done = boot.exit == Some(0);
            if !done {
                println!("   {what}: not done, see {}", boot.log.display());
            }
            tally.check(&format!("{what}: the work is done"), done);
        }
        Ok(tally)
    }

    fn boot(&self, lab: &Lab, kernel: &Kernel, mode: &str) -> Result<Boot> {
        let folder = tempfile::tempdir()?;
        let script = folder.path().join("workload.sh");
        fs::write(&script, self.script)?;
        let arguments = ["sh", SCRIPT].iter().chain(self.arguments);
        let guest = Guest {
            command: arguments.map(|&word| word.to_owned()).collect(),
            files: vec![(script, SCRIPT.to_owned())],
            append: guest::words(&format!(
                "iommu.debug_pagealloc=1 iommu.debug_pagealloc.origins=1 page_owner=on {mode}"
            )),
            devices: vec![self.device],
            timeout: Duration::from_secs(240),
            ..Guest::default()
        };
        lab.boot(kernel, &guest, &mut |_| ()).context("cannot boot")
    }
}
