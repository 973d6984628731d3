//! The switches of the sanitizer, on the kernel's command line and in debugfs, each seen to do something.

use std::path::{Path, PathBuf};

use anyhow::Result;
use dmasan_lab::{Boot, Guest, GuestModule, Implementation, Kernel, Lab};

use super::guest;
use crate::ktap::{self, Outcome};
use crate::tally::Tally;

const SELFTEST: &str = "tools/testing/selftests/iommu/iommu_debug_pagealloc.sh";
/// Tests in it.
const SELFTESTS: usize = 9;
/// One bug, on each of the formats of page tables.
const BUG: &str = "case=1 bug=1";
const FORMATS: usize = 6;
const DIR: &str = "/sys/kernel/debug/iommu/debug_pagealloc";

pub(super) fn run() -> Result<Tally> {
    let lab = guest::lab()?;
    let kernel = guest::kernel(&lab, Implementation::Rust)?;
    let zoo = lab.zoo(&kernel)?;
    let machine = Machine { lab, kernel, zoo };
    let mut tally = Tally::default();
    machine.selftest(&mut tally)?;
    machine.limit(&mut tally)?;
    machine.enable(&mut tally)?;
    machine.panic(&mut tally)?;
    Ok(tally)
}

struct Machine {
    lab: Lab,
    kernel: Kernel,
    zoo: PathBuf,
}

impl Machine {
    fn boot(
        &self,
        append: &str,
        load: bool,
        command: &str,
        files: &[(&Path, &str)],
    ) -> Result<Boot> {
        let guest = Guest {
            modules: vec![GuestModule {
                path: self.zoo.clone(),
                params: BUG.to_owned(),
            }],
            load,
            command: ["sh", "-c", command].map(str::to_owned).to_vec(),
            files: files
                .iter()
                .map(|(here, there)| (here.to_path_buf(), (*there).to_owned()))
                .collect(),
            append: guest::words(&format!("iommu.debug_pagealloc=1 {append}")),
            ..Guest::default()
        };
        Ok(self.lab.boot(&self.kernel, &guest, &mut |_| ())?)
    }

    /// The kernel's selftest of the files in debugfs, after there have been reports.
    fn selftest(&self, tally: &mut Tally) -> Result<()> {
        let script = self.kernel.tree.join(SELFTEST);
        let boot = self.boot(
            "iommu.debug_pagealloc.origins=1",
            true,
            "sh /test.sh",
            &[(&script, "/test.sh")],
        )?;
        guest::expect_end(tally, "selftest", &boot);
        let tests = ktap::tests(&boot.console);
        for test in &tests {
            tally.check(
                &format!("selftest: {}", test.name),
                test.outcome == Outcome::Passed,
            );
        }
        tally.check("selftest: all of it ran", tests.len() == SELFTESTS);
        Ok(())
    }

    /// No more reports are printed than are asked for.
    fn limit(&self, tally: &mut Tally) -> Result<()> {
        let boot = self.boot("iommu.debug_pagealloc.reports=2", true, "true", &[])?;
        tally.check(
            "reports=2: two are printed",
            guest::reports(&boot).len() == 2,
        );
        tally.check(
            "reports=2: the log says that there were more",
            says(&boot, "iommu.debug_pagealloc.reports allows no more"),
        );
        Ok(())
    }

    /// Reports that are switched off are counted.
    fn enable(&self, tally: &mut Tally) -> Result<()> {
        let boot = self.boot(
            "",
            false,
            &format!("echo N > {DIR}/enable; insmod /modules/zoo.ko {BUG}; cat {DIR}/stats"),
            &[],
        )?;
        tally.check(
            "enable=N: none is printed",
            guest::reports(&boot).is_empty(),
        );
        tally.check(
            "enable=N: all are counted",
            says(&boot, &format!("reports not printed: {FORMATS}")),
        );
        Ok(())
    }

    /// The kernel stops at the first report.
    fn panic(&self, tally: &mut Tally) -> Result<()> {
        let boot = self.boot("iommu.debug_pagealloc.fault=panic", true, "true", &[])?;
        tally.check("fault=panic: the kernel panics", boot.panicked);
        tally.check(
            "fault=panic: after the report",
            guest::reports(&boot).len() == 1,
        );
        Ok(())
    }
}

fn says(boot: &Boot, words: &str) -> bool {
    let says = boot.console.iter().any(|line| line.contains(words));
    if !says {
        println!("   nothing says `{words}`, see {}", boot.log.display());
    }
    says
}
