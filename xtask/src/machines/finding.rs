//! Bugs of the kernel that the workloads come upon. Each is written up in `docs/findings/`.

use dmasan_lab::MachineKind;
use dmasan_report::{Kind, Report, Stack};

/// A bug that is known, and how its reports are told from others.
pub(crate) struct Finding {
    /// Its file in `docs/findings/`.
    pub(crate) file: &'static str,
    explains: fn(MachineKind, &Report) -> bool,
}

const FINDINGS: &[Finding] = &[
    Finding {
        file: "igb-frees-before-it-unmaps.md",
        // Others may free the page, who were promised that it may be.
        explains: |_, report| {
            let mut mappings = report.mappings.iter();
            mappings.any(|mapping| calls(&mapping.mapped, "igb_xmit_frame_ring"))
        },
    },
    Finding {
        file: "virtio-iommu-shuts-down-first.md",
        explains: |machine, report| {
            machine == MachineKind::X86Virtio && calls(&report.stack, "device_shutdown")
        },
    },
];

/// The bug that a report is about, if it is known.
pub(crate) fn explaining(machine: MachineKind, report: &Report) -> Option<&'static Finding> {
    let is_freed = report.kind == Kind::FreedWhileMapped;
    FINDINGS
        .iter()
        .find(|finding| is_freed && (finding.explains)(machine, report))
}

fn calls(stack: &Stack, function: &str) -> bool {
    stack.frames.iter().any(|frame| frame.function == function)
}

#[cfg(test)]
mod tests {
    use dmasan_lab::MachineKind::{X86Virtio, X86Vtd};
    use dmasan_report::Log;

    use super::*;

    fn explained(machine: MachineKind, kind: &str, mapper: &str, freer: &str) -> bool {
        let text = format!(
            "BUG: DMASAN: {kind} in {freer}+0xd9/0x1180\npage: pfn 0x2c58, phys 0x2c58000, order 3\n\
             mapped: pfn 0x2c5e-0x2c5f, 2 pages, 2 translations\n\
             mapping: iova 0xffd20000, 8192 bytes, domain dma 2, device 0000:00:01.0, driver igb\n\
             mapped by: nc/95 on CPU 0 at 4.336538s, 0.008988s ago\n {mapper}+0x7e0/0xb80\n\
             freed by: ksoftirqd/0/13 on CPU 0 at 4.345527s\nCall Trace:\n {freer}+0xd9/0x1180\n{}\n",
            "=".repeat(66)
        );
        let reports = Log::parse(text.lines()).reports;
        assert_eq!(reports.len(), 1);
        explaining(machine, &reports[0]).is_some()
    }

    #[test]
    fn a_finding_explains_its_own_reports_only() {
        const FREED: &str = "freed-while-mapped";
        let sent = "igb_xmit_frame_ring";
        assert!(explained(X86Vtd, FREED, sent, "igb_poll"));
        assert!(explained(X86Vtd, FREED, sent, "tcp_ack"));
        assert!(!explained(
            X86Vtd,
            FREED,
            "igb_alloc_rx_buffers",
            "igb_poll"
        ));
        assert!(!explained(
            X86Vtd,
            "allocated-while-mapped",
            sent,
            "igb_poll"
        ));

        let received = "e1000_alloc_rx_buffers";
        assert!(explained(X86Virtio, FREED, received, "device_shutdown"));
        assert!(!explained(X86Virtio, FREED, received, "e1000_remove"));
        assert!(!explained(X86Vtd, FREED, received, "device_shutdown"));
    }
}
