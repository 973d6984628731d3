//! What the steps that boot something have in common.

use std::sync::Arc;

use anyhow::Result;
use dmasan_lab::{Boot, Implementation, Kernel, KernelRequest, Lab, MachineKind, Quiet};
use dmasan_report::{Log, Report};

use crate::tally::Tally;

/// The lab, with the cache that the tool uses.
pub(super) fn lab() -> Result<Lab> {
    Ok(Lab::open(None, Arc::new(Quiet))?)
}

/// A kernel, which an earlier step has built unless this one runs alone.
pub(super) fn kernel(lab: &Lab, implementation: Implementation) -> Result<Kernel> {
    Ok(lab.kernel(&KernelRequest::new(MachineKind::Uml, implementation))?)
}

/// The words of a text.
pub(super) fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// What the sanitizer has said.
pub(super) fn reports(boot: &Boot) -> Vec<Report> {
    Log::parse(boot.console.iter().map(String::as_str)).reports
}

/// One test: the guest has come to its end.
pub(super) fn expect_end(tally: &mut Tally, what: &str, boot: &Boot) {
    let ended = boot.exit.is_some() && !boot.timed_out && !boot.panicked;
    if !ended {
        println!(
            "   the guest did not come to its end, see {}",
            boot.log.display()
        );
    }
    tally.check(&format!("{what}: the guest comes to its end"), ended);
}

/// Two tests: the guest has come to its end, and the sanitizer had nothing to say.
pub(super) fn expect_silence(tally: &mut Tally, what: &str, boot: &Boot) {
    expect_end(tally, what, boot);
    let reports = reports(boot);
    for report in &reports {
        println!("{report}");
    }
    tally.check(&format!("{what}: no report"), reports.is_empty());
}
