//! Real drivers at work on real devices, with the sanitizer on. A further one is an entry in the list.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use dmasan_lab::{Boot, Device, Guest, Kernel, Lab};

use super::finding::explaining;
use crate::steps::guest;
use crate::tally::Tally;

/// Devices, and a script that makes a driver work and checks what it did.
pub(crate) struct Workload {
    /// What it is called in tables.
    pub(crate) name: &'static str,
    pub(crate) devices: &'static [Device],
    script: &'static str,
    /// Arguments for the script.
    arguments: &'static [&'static str],
}

/// What the scripts read.
const COMMON: &str = include_str!("../../workloads/common.sh");
pub(super) const DISK: &str = include_str!("../../workloads/disk.sh");
pub(super) const NET: &str = include_str!("../../workloads/net.sh");
const HOTPLUG: &str = include_str!("../../workloads/hotplug.sh");

/// All of them.
pub(crate) const WORKLOADS: &[Workload] = &[
    Workload::new("e1000e", &[Device::E1000e], NET, &["e1000e"]),
    Workload::new("igb", &[Device::Igb], NET, &["igb"]),
    Workload::new("virtio-net", &[Device::VirtioNet], NET, &["virtio-pci"]),
    Workload::new("nvme", &[Device::Nvme], DISK, &["nvme0n1", "nvme"]),
    Workload::new(
        "virtio-blk",
        &[Device::VirtioBlk],
        DISK,
        &["vda", "virtio-pci"],
    ),
    Workload::new("ahci", &[Device::Ahci], DISK, &["sda", "ahci"]),
    Workload::new("xhci", &[Device::Xhci], DISK, &["sda", "xhci_hcd"]),
    Workload::new("sdhci", &[Device::Sdhci], DISK, &["mmcblk0", "sdhci-pci"]),
    Workload::new(
        "hotplug",
        &[Device::Nvme, Device::Dimm],
        HOTPLUG,
        &["nvme0n1", "nvme"],
    ),
];

/// When the IOMMU forgets what was unmapped, at once or some time later; and how what sits in a slot is unplugged in the
/// end, by the guest or through the emulator's monitor.
const MODES: [(&str, &str, &str); 2] = [
    ("strict", "iommu.strict=1", "slot"),
    ("lazy", "iommu.strict=0", MONITOR),
];
const MONITOR: &str = "monitor";

/// Memory that is plugged in is put to use, so that it can be taken out again.
const PLUGGED: &str = "memhp_default_state=online_movable";

/// Devices that are put to sleep are woken up again after a second.
const SLEEP: &str = "suspend.pm_test_delay=1";

/// Where a guest has the script.
pub(super) const SCRIPT: &str = "/workload.sh";

/// A script and what it reads, written to `folder`, as files for a guest.
pub(super) fn files(folder: &Path, script: &str) -> Result<Vec<(PathBuf, String)>> {
    let texts = [(SCRIPT, script), ("/common.sh", COMMON)];
    let write = |(place, text): (&str, &str)| {
        let file = folder.join(place.trim_start_matches('/'));
        fs::write(&file, text)?;
        Ok((file, place.to_owned()))
    };
    texts.into_iter().map(write).collect()
}

impl Workload {
    const fn new(
        name: &'static str,
        devices: &'static [Device],
        script: &'static str,
        arguments: &'static [&'static str],
    ) -> Workload {
        Workload {
            name,
            devices,
            script,
            arguments,
        }
    }

    /// Three tests in each mode: the guest comes to its end, the work is done, there is no report but of bugs
    /// that are known.
    pub(crate) fn run(&self, lab: &Lab, kernel: &Kernel) -> Result<Tally> {
        let mut tally = Tally::default();
        for (mode, word, way) in MODES {
            let boot = self.boot(lab, kernel, word, way)?;
            let what = format!("{}, {}, {mode}", kernel.machine, self.name);
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

    fn boot(&self, lab: &Lab, kernel: &Kernel, mode: &str, way: &str) -> Result<Boot> {
        let folder = tempfile::tempdir()?;
        let has_slot = self.devices[0].has_slot();
        let way = if has_slot { way } else { "board" };
        let arguments = ["sh", SCRIPT].iter().chain(self.arguments).chain([&way]);
        let guest = Guest {
            command: arguments.map(|&word| word.to_owned()).collect(),
            files: files(folder.path(), self.script)?,
            append: guest::words(&format!(
                "iommu.debug_pagealloc=1 iommu.debug_pagealloc.origins=1 page_owner=on {PLUGGED} {SLEEP} {mode}"
            )),
            devices: self.devices.to_vec(),
            monitor: way == MONITOR,
            timeout: Duration::from_secs(240),
            ..Guest::default()
        };
        lab.boot(kernel, &guest, &mut |_| ()).context("cannot boot")
    }
}
