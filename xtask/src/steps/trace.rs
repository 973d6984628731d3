//! The tracepoints of reports, fired by the zoo's bugs: every report in the log has both, with what it says itself.

use std::time::Duration;

use anyhow::Result;
use dmasan_lab::{Guest, GuestModule, Kernel, Lab, OwnModule};
use dmasan_report::Report;

use super::guest;
use crate::tally::Tally;

/// Events are printed to the kernel log as they come, so that they lie among what they are about.
const APPEND: &str = "iommu.debug_pagealloc=1 tp_printk \
    trace_event=iommu_debug:iommu_debug_report,error_report:error_report_end";

pub(super) fn run_on(lab: &Lab, kernel: &Kernel) -> Result<Tally> {
    let module = lab.own_module(kernel, OwnModule::Zoo)?;
    let guest = Guest {
        modules: vec![GuestModule {
            path: module,
            params: "bug=1".to_owned(),
        }],
        append: guest::words(APPEND),
        timeout: Duration::from_secs(300),
        ..Guest::default()
    };
    let boot = lab.boot(kernel, &guest, &mut |_| ())?;
    let reports = guest::reports(&boot);
    let lines = || boot.console.iter().map(|line| dmasan_report::message(line));
    let events: Vec<Event> = lines().filter_map(event).collect();
    let printed: Vec<&Event> = events.iter().filter(|event| event.printed).collect();
    let ends = lines().filter(|line| ends(line)).count();

    let mut tally = Tally::default();
    guest::expect_end(&mut tally, "tracepoints", &boot);
    println!(
        "   {} reports, {} events of reports, {ends} of their ends",
        reports.len(),
        events.len()
    );
    tally.check("tracepoints: there are reports", reports.len() > 10);
    tally.check(
        "tracepoints: every report is an event and says the same",
        printed.len() == reports.len()
            && printed.iter().zip(&reports).all(|(event, of)| event.is(of)),
    );
    tally.check(
        "tracepoints: every report has an end",
        ends == reports.len(),
    );
    if tally.failed != 0 {
        println!("   see {}", boot.log.display());
    }
    Ok(tally)
}

/// `iommu_debug_report: freed-while-mapped: pfn=0x1a2b pages=1 translations=1 printed=1`
#[derive(Debug, PartialEq, Eq)]
struct Event {
    kind: String,
    pfn: u64,
    pages: u64,
    translations: u64,
    printed: bool,
}

impl Event {
    fn is(&self, report: &Report) -> bool {
        let first = report.runs.first().map(|run| run.first_pfn.0);
        let total = report.total.as_ref();
        report.title.contains(&self.kind)
            && first.is_none_or(|first| first == self.pfn)
            && total.is_none_or(|total| total.pages == self.pages)
            && self.translations >= self.pages.min(1)
    }
}

fn event(line: &str) -> Option<Event> {
    let (_, words) = line.split_once("iommu_debug_report: ")?;
    let (kind, fields) = words.split_once(": ")?;
    let field = |name: &str| {
        let value = fields
            .split_whitespace()
            .find_map(|word| word.strip_prefix(name));
        value?.strip_prefix('=')
    };
    Some(Event {
        kind: kind.to_owned(),
        pfn: u64::from_str_radix(field("pfn")?.strip_prefix("0x")?, 16).ok()?,
        pages: field("pages")?.parse().ok()?,
        translations: field("translations")?.parse().ok()?,
        printed: field("printed")? == "1",
    })
}

/// `error_report_end: [dmasan] 1a2b`
fn ends(line: &str) -> bool {
    line.contains("error_report_end: [dmasan] ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_read() {
        let line =
            "iommu_debug_report: unmap-underflow: pfn=0x1a2b pages=2 translations=3 printed=0";
        let wanted = Event {
            kind: "unmap-underflow".to_owned(),
            pfn: 0x1a2b,
            pages: 2,
            translations: 3,
            printed: false,
        };
        assert_eq!(event(line), Some(wanted));
        assert_eq!(event(&line.replace("pages=2", "")), None);
    }
}
