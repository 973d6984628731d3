//! Bugs of real drivers that the workloads come upon. Each is written up in `docs/findings/`.

use dmasan_report::{Kind, Report};

/// A bug that is known, and how its reports are told from others.
pub(crate) struct Finding {
    /// Its file in `docs/findings/`.
    pub(crate) file: &'static str,
    kind: Kind,
    /// The driver that has mapped the page. Others may free it, who were promised that it may be.
    driver: &'static str,
}

/// `igb` frees a packet that it has sent, and unmaps it after that.
pub(crate) const IGB: Finding = Finding {
    file: "igb-frees-before-it-unmaps.md",
    kind: Kind::FreedWhileMapped,
    driver: "igb",
};

impl Finding {
    /// Whether the report is about this bug.
    pub(crate) fn explains(&self, report: &Report) -> bool {
        report.kind == self.kind && report.driver.as_deref() == Some(self.driver)
    }
}

#[cfg(test)]
mod tests {
    use dmasan_report::Log;

    use super::IGB;

    fn explains(kind: &str, mapping: &str) -> bool {
        let text = format!(
            "BUG: DMASAN: {kind} in igb_poll+0xd9/0x1180\npage: pfn 0x2c58, phys 0x2c58000, order 3\n\
             mapped: pfn 0x2c5e-0x2c5f, 2 pages, 2 translations\nmapping: {mapping}\n\
             freed by: ksoftirqd/0/13 on CPU 0 at 4.345527s\n{}\n",
            "=".repeat(66)
        );
        let reports = Log::parse(text.lines()).reports;
        assert_eq!(reports.len(), 1);
        IGB.explains(&reports[0])
    }

    #[test]
    fn a_finding_explains_its_own_reports_only() {
        let igb = "iova 0xffd20000, 8192 bytes, domain dma 2, device 0000:00:01.0, driver igb";
        assert!(explains("freed-while-mapped", igb));
        assert!(!explains("allocated-while-mapped", igb));
        assert!(!explains("freed-while-mapped", &igb.replace("igb", "nvme")));
        assert!(!explains("freed-while-mapped", "origin not recorded"));
    }
}
