//! The bugs.

use dmasan_lab::Device;
use dmasan_report::Kind;

use super::{Bug, Difference};
use crate::machines::workload::{DISK, NET};

const SCARCE: &str = include_str!("../../../workloads/scarce.sh");
const VDPA: &str = include_str!("../../../workloads/vdpa.sh");
const UNREAD: &str = include_str!("../../../workloads/unread.sh");

/// What the scripts start, by name.
pub(super) const PROGRAMS: [(&str, &str); 2] = [
    ("gaps", include_str!("../../../workloads/gaps.rs")),
    ("vdpa", include_str!("../../../workloads/vdpa.rs")),
];

/// Data in gaps, behind lists of segments.
const NVME_SGL: Bug = Bug {
    name: "nvme-sgl-list",
    driver: "nvme",
    sources: &["drivers/nvme/host"],
    patch: Difference::PutsBack("linux/bugs/nvme/sgl-list.patch"),
    device: Device::Nvme,
    init: "nvme_init",
    // Scatter-gather lists are for requests of any size.
    parameters: "sgl_threshold=1",
    script: SCARCE,
    arguments: "gaps",
    unloads: true,
    kinds: &[Kind::FreedWhileMapped],
    caller: "nvme_prep_rq",
};

pub(super) const BUGS: &[Bug] = &[
    NVME_SGL,
    Bug {
        name: "nvme-sgl-free",
        patch: Difference::PutsBack("linux/bugs/nvme/sgl-free.patch"),
        ..NVME_SGL
    },
    Bug {
        name: "nvme-prp-list",
        driver: "nvme",
        sources: &["drivers/nvme/host"],
        patch: Difference::Mends("docs/findings/nvme-unmap-all-of-the-request.patch"),
        device: Device::Nvme,
        init: "nvme_init",
        // No scatter-gather lists.
        parameters: "sgl_threshold=0",
        script: SCARCE,
        arguments: "pages",
        unloads: true,
        // Where a leaf is larger than a page, the first page's unmap takes others away.
        // Virtio-iommu has no page tables that refuse to map what is mapped.
        kinds: &[
            Kind::FreedWhileMapped,
            Kind::OversizedUnmap,
            Kind::OverwrittenLiveEntry,
        ],
        caller: "nvme_prep_rq",
    },
    Bug {
        name: "igb-order",
        driver: "igb",
        sources: &["drivers/net/ethernet/intel/igb"],
        patch: Difference::Mends("docs/findings/igb-unmap-before-free.patch"),
        device: Device::Igb,
        init: "igb_init_module",
        parameters: "",
        script: NET,
        // Whether a packet's page is freed with it depends on what has been acknowledged by then.
        arguments: "igb slot 5",
        unloads: true,
        kinds: &[Kind::FreedWhileMapped],
        caller: "igb_xmit_frame_ring",
    },
    Bug {
        name: "page-pool-unread",
        driver: "virtio-net",
        sources: &[
            "drivers/net/virtio_net.c",
            "net/core/page_pool.c",
            "net/core/dev.h",
            "net/core/mp_dmabuf_devmem.h",
            "net/core/netmem_priv.h",
            "net/core/page_pool_priv.h",
        ],
        patch: Difference::PutsBack("linux/bugs/virtio-net/unread.patch"),
        device: Device::VirtioNet,
        init: "virtio_net_driver_init",
        parameters: "",
        script: UNREAD,
        arguments: "virtio-pci",
        // Pages that wait for a reader come back to its own page pool.
        unloads: false,
        kinds: &[Kind::LeakAtUnbind],
        caller: "page_pool_dma_map",
    },
    Bug {
        name: "vhost-vdpa-order",
        driver: "vhost-vdpa",
        sources: &["drivers/vhost/vdpa.c", "drivers/vhost/vhost.h"],
        patch: Difference::Mends("docs/findings/vhost-vdpa-unmap-before-unpin.patch"),
        // Not in a slot: a device has to be alone in its IOMMU group.
        device: Device::VirtioRng,
        init: "vhost_vdpa_init",
        parameters: "",
        script: VDPA,
        arguments: "0x1044",
        unloads: true,
        kinds: &[Kind::FreedWhileMapped],
        caller: "vhost_vdpa_process_iotlb_msg",
    },
    Bug {
        name: "sdhci-twice",
        driver: "sdhci",
        sources: &["drivers/mmc/host"],
        patch: Difference::PutsBack("linux/bugs/sdhci/mapped-twice.patch"),
        device: Device::Sdhci,
        init: "sdhci_driver_init",
        parameters: "",
        script: DISK,
        arguments: "mmcblk0 sdhci-pci board",
        unloads: true,
        kinds: &[Kind::FreedWhileMapped],
        caller: "sdhci_pre_dma_transfer",
    },
];
