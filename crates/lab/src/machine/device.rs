// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Devices that a machine can be given.

use std::fs::File;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::kernel::UnknownName;
use crate::LabError;

/// How large a disk is, in bytes. Only what is written takes space.
const DISK: u64 = 64 << 20;
/// The user network: no way out of it, and a host that sends back what it gets on TCP port 7.
const NETWORK: &str = "user,restrict=on,guestfwd=tcp:10.0.2.100:7-cmd:cat";
/// Virtio devices go through the IOMMU only if they are told to.
const VIRTIO: &str = "disable-legacy=on,iommu_platform=on";

/// The devices. Each has a disk or a network of its own, as it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Device {
    /// QEMU's device for teaching, whose DMA engine does what it is told.
    Edu,
    /// A network card of Intel's.
    E1000e,
    /// A newer one, with several queues.
    Igb,
    /// A network card of paravirtual make.
    VirtioNet,
    /// A disk on the PCI bus.
    Nvme,
    /// A disk of paravirtual make.
    VirtioBlk,
    /// A source of random numbers of paravirtual make.
    VirtioRng,
    /// A SATA controller with a disk.
    Ahci,
    /// A USB controller with a stick.
    Xhci,
    /// An SD host controller with a card.
    Sdhci,
    /// A module of memory, 512 MiB, that can be taken out. It does no DMA; its pages are what others map.
    Dimm,
}

impl Device {
    /// All of them.
    pub const ALL: [Device; 11] = [
        Device::Edu,
        Device::E1000e,
        Device::Igb,
        Device::VirtioNet,
        Device::Nvme,
        Device::VirtioBlk,
        Device::VirtioRng,
        Device::Ahci,
        Device::Xhci,
        Device::Sdhci,
        Device::Dimm,
    ];

    /// The name by which users choose it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Device::Edu => "edu",
            Device::E1000e => "e1000e",
            Device::Igb => "igb",
            Device::VirtioNet => "virtio-net",
            Device::Nvme => "nvme",
            Device::VirtioBlk => "virtio-blk",
            Device::VirtioRng => "virtio-rng",
            Device::Ahci => "ahci",
            Device::Xhci => "xhci",
            Device::Sdhci => "sdhci",
            Device::Dimm => "dimm",
        }
    }

    /// Whether it sits in a slot of its own, whose power a guest can switch off: it is unplugged then. The others are
    /// part of the board.
    #[must_use]
    pub fn has_slot(self) -> bool {
        match self {
            Device::E1000e
            | Device::Igb
            | Device::VirtioNet
            | Device::Nvme
            | Device::VirtioBlk
            | Device::Xhci => true,
            Device::Edu | Device::VirtioRng | Device::Ahci | Device::Sdhci | Device::Dimm => false,
        }
    }

    /// QEMU's arguments for it; `number` tells the devices of a machine apart. What sits in a slot is called `p` and
    /// the number by QEMU. Disks are made in `folder`, where QEMU runs.
    pub(super) fn arguments(self, number: usize, folder: &Path) -> Result<Vec<String>, LabError> {
        let mut arguments = Vec::new();
        if self.has_slot() {
            let chassis = number + 1;
            let port = format!("pcie-root-port,id=s{number},chassis={chassis}");
            arguments.extend(["-device".to_owned(), port]);
        }
        arguments.extend(self.own_arguments(number, folder)?);
        Ok(arguments)
    }

    fn own_arguments(self, number: usize, folder: &Path) -> Result<Vec<String>, LabError> {
        let id = format!("d{number}");
        let slot = format!("bus=s{number},id=p{number}");
        let network = |model: &str| {
            Ok(vec![
                "-netdev".to_owned(),
                format!("{NETWORK},id={id}"),
                "-device".to_owned(),
                format!("{model},netdev={id},{slot}"),
            ])
        };
        let disk = |devices: &[String]| {
            let file = format!("disk{number}");
            let path = folder.join(&file);
            File::create(&path)
                .and_then(|disk| disk.set_len(DISK))
                .map_err(LabError::io("create", &path))?;
            // What is written is lost with the guest: it need not reach a disk.
            let drive = format!("if=none,format=raw,cache=unsafe,file={file},id={id}");
            let mut arguments = vec!["-drive".to_owned(), drive];
            for device in devices {
                arguments.extend(["-device".to_owned(), device.clone()]);
            }
            Ok(arguments)
        };
        match self {
            Device::Edu => Ok(vec!["-device".to_owned(), "edu".to_owned()]),
            Device::E1000e => network("e1000e"),
            Device::Igb => network("igb"),
            Device::VirtioNet => network(&format!("virtio-net-pci,{VIRTIO}")),
            Device::Nvme => disk(&[format!("nvme,serial={id},drive={id},{slot}")]),
            Device::VirtioBlk => disk(&[format!("virtio-blk-pci,{VIRTIO},drive={id},{slot}")]),
            Device::VirtioRng => Ok(vec![
                "-device".to_owned(),
                format!("virtio-rng-pci,{VIRTIO}"),
            ]),
            Device::Ahci => disk(&[
                format!("ahci,id=b{number}"),
                format!("ide-hd,bus=b{number}.0,drive={id}"),
            ]),
            Device::Xhci => disk(&[
                format!("qemu-xhci,{slot}"),
                format!("usb-storage,bus=p{number}.0,drive={id}"),
            ]),
            Device::Sdhci => disk(&[
                "sdhci-pci".to_owned(),
                // The bus of an SD controller has no name of its own.
                format!("sd-card,drive={id}"),
            ]),
            Device::Dimm => Ok([
                // Besides the memory that the guest has anyway.
                "-m",
                "slots=4,maxmem=16G",
                "-object",
                &format!("memory-backend-ram,id=m{number},size=512M"),
                "-device",
                &format!("pc-dimm,id={id},memdev=m{number}"),
            ]
            .map(str::to_owned)
            .to_vec()),
        }
    }
}

impl std::fmt::Display for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Device {
    type Err = UnknownName;

    fn from_str(word: &str) -> Result<Self, UnknownName> {
        UnknownName::look_up(word, &Device::ALL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_device_has_a_name_and_arguments_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        for (number, device) in Device::ALL.into_iter().enumerate() {
            assert_eq!(device.to_string().parse(), Ok(device));
            let json = serde_json::to_string(&device).unwrap();
            assert_eq!(json, format!("\"{device}\""));
            let arguments = device.arguments(number, folder.path()).unwrap();
            assert!(arguments.contains(&"-device".to_owned()), "{arguments:?}");
            let slot = format!("bus=s{number},id=p{number}");
            let sits = arguments.iter().any(|one| one.ends_with(&slot));
            assert_eq!(sits, device.has_slot(), "{arguments:?}");
        }
        assert_eq!(folder.path().join("disk9").metadata().unwrap().len(), DISK);
    }
}
