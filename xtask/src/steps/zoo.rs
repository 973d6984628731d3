//! The zoo with both implementations, through the tool, as a user would run it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use dmasan_lab::{Guest, GuestModule, Kernel, Lab, MachineKind, OwnModule};
use serde_json::Value;

use super::{guest, layout};
use crate::command::{dmasan, output};
use crate::tally::Tally;

/// Where the C implementation is known to be wrong, and why. Everywhere else it must be right, and here it must be wrong: if it is not, it has
/// been mended, or the case has lost its edge.
const C_IS_WRONG: &[(&str, &str)] = &[
    (
        "p02-twin",
        "the last page of a 64-bit IOVA space is never uncounted",
    ),
    (
        "p04-bug",
        "an unmap that removes more than was asked leaves the surplus counted",
    ),
    (
        "p07-bug",
        "a domain that ends with live translations keeps its counts",
    ),
    (
        "p08-bug",
        "below an IOMMU page larger than a CPU page, only the first CPU page is counted",
    ),
    (
        "p19-bug",
        "an entry that is written over stays counted, and its page is blamed later",
    ),
    ("p20-bug", "physical address 0 is refused with a warning"),
    (
        "p20-twin",
        "physical address 0 is refused with a warning, and what was mapped with it is missing at the unmap",
    ),
    (
        "p21-bug",
        "a page that was reported is reported again, whoever owns it by then",
    ),
    (
        "p23-bug",
        "counted when the device can reach the page already, uncounted when it still can",
    ),
];

/// Where the C implementation prints a report for each page, and how many those are. That it names none of the pages is
/// looked at everywhere.
const C_IS_NOISY: &[(&str, u64)] = &[("p22-bug", 512)];

/// Cases with more than one bug in them, and how many.
const BUGS: &[(&str, u64)] = &[("p19-bug", 2), ("p21-bug", 2), ("p23-bug", 2)];

/// The place of what runs on a device only, as `dmasan demo` calls it.
pub(crate) const EDU: &str = "edu";

pub(super) fn run() -> Result<Tally> {
    let mut tally = Tally::default();
    zoo(&mut tally, MachineKind::Uml, "rust", &[], &[])?;
    zoo(&mut tally, MachineKind::Uml, "c", C_IS_WRONG, &[])?;
    tally.add(layout::check(&guest::lab()?)?);
    Ok(tally)
}

/// The zoo with the Rust implementation, in a kernel with further settings.
pub(super) fn with_configs(configs: &[&Path]) -> Result<Tally> {
    let mut tally = Tally::default();
    let mut more = vec!["--timeout", "300"];
    for config in configs {
        more.push("--config");
        more.push(config.to_str().context("a path that is not UTF-8")?);
    }
    zoo(&mut tally, MachineKind::Uml, "rust", &[], &more)?;
    Ok(tally)
}

/// All drivers in this kernel, all of them in one boot: no verdicts, but what others in the kernel say about it.
pub(super) fn boot_whole(lab: &Lab, kernel: &Kernel) -> Result<Tally> {
    let module = lab.own_module(kernel, OwnModule::Zoo)?;
    let mut tally = Tally::default();
    for bug in 0..2 {
        let guest = Guest {
            modules: vec![GuestModule {
                path: module.clone(),
                params: format!("bug={bug}"),
            }],
            append: guest::words("iommu.debug_pagealloc=1 page_owner=on"),
            timeout: Duration::from_secs(300),
            ..Guest::default()
        };
        let boot = lab.boot(kernel, &guest, &mut |_| ())?;
        let what = format!("zoo, bug={bug}");
        guest::expect_end(&mut tally, &what, &boot);
        guest::expect_no_complaint(&mut tally, &what, &boot, "zoo: ");
    }
    Ok(tally)
}

/// The zoo on a machine, or what `more` arguments of `dmasan demo` leave of it.
pub(crate) fn on(machine: MachineKind, more: &[&str]) -> Result<Tally> {
    let mut tally = Tally::default();
    zoo(&mut tally, machine, "rust", &[], more)?;
    Ok(tally)
}

fn zoo(
    tally: &mut Tally,
    machine: MachineKind,
    implementation: &str,
    wrong: &[(&str, &str)],
    more: &[&str],
) -> Result<()> {
    let mut arguments = vec!["demo", "--impl", implementation, "--json"];
    arguments.extend(["--machine", machine.name()]);
    arguments.extend(more);
    let (lines, succeeded) = output(&mut dmasan(&arguments), true)?;
    let demo: Value =
        serde_json::from_str(&lines.join("\n")).context("dmasan demo --json printed no JSON")?;
    let cases = demo["cases"].as_array().context("no cases in the JSON")?;

    for case in cases {
        let name = case["name"].as_str().context("a case without a name")?;
        let known = wrong.iter().find(|(known, _)| *known == name);
        let mut ok = case["ok"].as_bool().context("a case without a verdict")?;
        if implementation == "c" && known.is_none() && case["expected"] == "report" {
            // A page that was reported is reported again whenever somebody else gets it, which
            // depends on who asks for memory in the meantime. There is a case for it.
            ok = case["seen"] == "report" && case["problem"].is_null();
        }
        let as_expected = ok == known.is_none() && case["problem"].is_null();
        if let (true, Some((_, why))) = (as_expected, known) {
            println!("   {implementation} {name}: wrong as expected: {why}");
        }
        if !as_expected {
            let mut short = case.clone();
            if let Some(short) = short.as_object_mut() {
                short.remove("reports");
            }
            println!("   {implementation} {name}: {short}");
        }
        tally.check(
            &format!("zoo, {machine}, {implementation}: {name}"),
            as_expected,
        );
        if case["expected"] == "report" {
            count_reports(tally, implementation, name, case);
        }
    }
    for (name, _) in wrong {
        let there = cases.iter().any(|case| case["name"] == **name);
        tally.check(
            &format!("zoo, {machine}, {implementation}: {name} has run"),
            there,
        );
    }
    tally.check(
        &format!("zoo, {machine}, {implementation}: the exit status tells"),
        succeeded == wrong.is_empty(),
    );
    // As many as there were when this was written; it may grow.
    let least = if more.contains(&EDU) { 18 } else { 42 };
    tally.check(
        &format!("zoo, {machine}, {implementation}: all cases ran"),
        cases.len() >= least,
    );
    Ok(())
}

/// How many reports there are of one bug, and whether they name the pages.
fn count_reports(tally: &mut Tally, implementation: &str, name: &str, case: &Value) {
    let formats = case["formats"].as_array().map_or(0, Vec::len) as u64;
    let reports = case["report_count"].as_u64().unwrap_or(0);
    let lookup = |list: &[(&str, u64)]| list.iter().find(|(n, _)| *n == name).map(|(_, n)| *n);
    if implementation == "rust" {
        tally.check(
            &format!("zoo, {implementation}: {name}: one bug is one report"),
            reports == formats * lookup(BUGS).unwrap_or(1),
        );
        tally.check(
            &format!("zoo, {implementation}: {name}: all pages at fault are named"),
            case["named"] == "all",
        );
        return;
    }
    tally.check(
        &format!("zoo, {implementation}: {name}: no page at fault is named"),
        case["named"] == "none",
    );
    if let Some(noise) = lookup(C_IS_NOISY) {
        println!("   {implementation} {name}: {reports} reports of {formats} bugs");
        tally.check(
            &format!("zoo, {implementation}: {name}: one bug is {noise} reports or more"),
            reports >= formats * noise,
        );
    }
}
