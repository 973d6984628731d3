// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What the zoo holds: one entry per bug pattern, with the verdict that an ideal sanitizer gives.
//!
//! Plain Rust without dependencies, so that the kernel module and the tool that reads its log
//! are compiled from the same list; hence the licence, as both worlds can use it.
//!
//! Every pattern comes as a `bug` and as a `twin`, the same driver done right. All twins are
//! silent. Some bugs are silent too: there the question is whether the counts survive a driver
//! that misbehaves, and a report would blame an innocent page.
//!
//! Patterns 12 (unmapped, but the IOTLB still holds the translation) and 13 (unmapped while the
//! device still runs) are left out: both need a device that performs DMA, and most of the zoo has tables
//! only.

/// What an ideal sanitizer says about one variant of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// At least one report, and every report names only pages of the announced range.
    Report,
    /// No report at all.
    Silent,
}

/// One bug pattern.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Number of the pattern; also the value of the module parameter `case`.
    pub number: u32,
    /// What the driver does wrong, in a few words.
    pub title: &'static str,
    /// Verdict on the driver that does it wrong.
    pub bug: Expect,
    /// Verdict on the driver that does it right.
    pub twin: Expect,
    /// Where the pattern was seen, as public commits or CVE numbers; empty if in no one place.
    pub source: &'static str,
}

/// Names of the page table formats, in the order of the module parameter `format`.
pub const FORMATS: &[&str] = &["amdv1", "vtdss", "riscv64", "x86_64", "arm_lpae", "arm_v7s"];

/// What stands in the place of a format where a case runs on QEMU's device of that name.
pub const EDU: &str = "edu";

/// The numbers of the cases that also run there.
pub const ON_EDU: &[u32] = &[1, 2, 3, 5, 7, 10, 15, 16, 17, 18];

/// All cases, by ascending number.
pub const CASES: &[Case] = &[
    caught(
        1,
        "error path frees without unmapping",
        "nvme-pci 1bf86336e4b6 (CVE-2026-64019)",
    ),
    caught(
        2,
        "freed first, unmapped second",
        "crypto/qat eb7713f5ca97, d776b25495f2",
    ),
    caught(
        3,
        "unmap shorter than the map",
        "mt76 c0f8055b3986, 89829c9e65ab",
    ),
    silent(4, "unmap takes the neighbour's translation along", ""),
    caught(
        5,
        "mapped for one device, unmapped for another",
        "arc emac, CVE-2024-50295",
    ),
    silent(6, "unmapped twice", ""),
    caught(
        7,
        "mapping outlives its domain",
        "page_pool ee62ce7a1d90, io_uring zcrx f12ecf5e1c5e",
    ),
    caught(
        8,
        "error path unpins more than it pinned",
        "kvm, CVE-2014-3601, CVE-2014-8369",
    ),
    silent(9, "recycled with a live mapping, never freed", "page_pool"),
    caught(10, "mapped twice, unmapped once", ""),
    silent(
        11,
        "page fragment dropped while mapped, page still in use",
        "",
    ),
    silent(14, "map fails half-way and is unrolled", "CVE-2026-64152"),
    caught(15, "one middle page of a high-order block left mapped", ""),
    caught(
        16,
        "ring resize frees buffers without unmapping",
        "virtio_net 2311e06b9bf3, mlx5e kTLS 66ce5fc05713",
    ),
    caught(
        17,
        "completion path without any unmap",
        "mmc cavium b803974a8603",
    ),
    caught(
        18,
        "bookkeeping with the wrong address",
        "stmmac CVE-2024-53058, nvme PRP b8b7570a7ec8",
    ),
    caught(
        19,
        "map over a live entry, on an IOMMU that lets it",
        "tegra, s390, sprd",
    ),
    silent(
        20,
        "memory from physical address 0 on, mapped to the end",
        "intel, for ISA bridges",
    ),
    caught(21, "freed while mapped, then recycled by innocents", ""),
    caught(22, "a large buffer freed while all of it is mapped", ""),
    caught(23, "freed by one thread while another maps or unmaps", ""),
];

/// A pattern whose bug is to be reported.
const fn caught(number: u32, title: &'static str, source: &'static str) -> Case {
    Case {
        number,
        title,
        bug: Expect::Report,
        twin: Expect::Silent,
        source,
    }
}

/// A pattern whose bug must not make the sanitizer speak.
const fn silent(number: u32, title: &'static str, source: &'static str) -> Case {
    Case {
        number,
        title,
        bug: Expect::Silent,
        twin: Expect::Silent,
        source,
    }
}
