//! The zoo with both implementations, through the tool, as a user would run it.

use anyhow::{Context, Result};
use serde_json::Value;

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
];

pub(super) fn run() -> Result<Tally> {
    let mut tally = Tally::default();
    zoo(&mut tally, "rust", &[])?;
    zoo(&mut tally, "c", C_IS_WRONG)?;
    Ok(tally)
}

fn zoo(tally: &mut Tally, implementation: &str, wrong: &[(&str, &str)]) -> Result<()> {
    let (lines, succeeded) = output(
        &mut dmasan(&["demo", "--impl", implementation, "--json"]),
        true,
    )?;
    let demo: Value =
        serde_json::from_str(&lines.join("\n")).context("dmasan demo --json printed no JSON")?;
    let cases = demo["cases"].as_array().context("no cases in the JSON")?;

    for case in cases {
        let name = case["name"].as_str().context("a case without a name")?;
        let mut ok = case["ok"].as_bool().context("a case without a verdict")?;
        if implementation == "c" && case["expected"] == "report" {
            // A page that was reported is reported again whenever somebody else gets it, which
            // depends on who asks for memory in the meantime.
            ok = case["seen"] == "report" && case["problem"].is_null();
        }
        let known = wrong.iter().find(|(known, _)| *known == name);
        let as_expected = ok == known.is_none();
        if let (true, Some((_, why))) = (as_expected, known) {
            println!("   {implementation} {name}: wrong as expected: {why}");
        }
        if !as_expected {
            println!("   {implementation} {name}: {case}");
        }
        tally.check(&format!("zoo, {implementation}: {name}"), as_expected);
        if implementation == "rust" && case["expected"] == "report" {
            let formats = case["formats"].as_array().map(Vec::len);
            let reports = case["report_count"].as_u64();
            tally.check(
                &format!("zoo, {implementation}: {name}: one bug is one report"),
                formats.map(|count| count as u64) == reports,
            );
            tally.check(
                &format!("zoo, {implementation}: {name}: all pages at fault are named"),
                case["named"] == "all",
            );
        }
    }
    for (name, _) in wrong {
        let there = cases.iter().any(|case| case["name"] == **name);
        tally.check(&format!("zoo, {implementation}: {name} has run"), there);
    }
    tally.check(
        &format!("zoo, {implementation}: the exit status tells"),
        succeeded == wrong.is_empty(),
    );
    tally.check(
        &format!("zoo, {implementation}: there are cases"),
        cases.len() > 20,
    );
    Ok(())
}
