//! How many bytes a page has in `page_ext`. Other clients keep 8-byte words there, and an odd number of 4-byte words ahead of
//! them puts those on odd addresses, on every other page.

use anyhow::{Context, Result};
use dmasan_lab::{Boot, Guest, Implementation, Lab};

use super::guest;
use crate::tally::Tally;

const MEMORY_MIB: u32 = 256;
/// Pages of 4K.
const PAGES: u64 = MEMORY_MIB as u64 * 256;
const WORD: u64 = 8;

/// With both implementations: with the one in C, words are known to be misaligned.
pub(super) fn check(lab: &Lab) -> Result<Tally> {
    let mut tally = Tally::default();
    for (implementation, aligned) in [(Implementation::Rust, true), (Implementation::C, false)] {
        let kernel = guest::kernel(lab, implementation)?;
        let boot = lab.boot(
            &kernel,
            &Guest {
                command: vec!["true".to_owned()],
                append: guest::words("iommu.debug_pagealloc=1 page_owner=on"),
                memory_mib: MEMORY_MIB,
                ..Guest::default()
            },
            &mut |_| (),
        )?;
        let bytes = bytes(&boot).context("the kernel does not say how large its page_ext is")?;
        println!(
            "   {implementation}: {} bytes of page_ext for a page",
            bytes / PAGES
        );
        tally.check(
            &format!("page_ext, {implementation}: words are aligned: {aligned}"),
            bytes.is_multiple_of(PAGES) && (bytes / PAGES).is_multiple_of(WORD) == aligned,
        );
    }
    Ok(tally)
}

/// What all pages have together, as the kernel says when it starts.
fn bytes(boot: &Boot) -> Option<u64> {
    let said = |line: &String| {
        let words = dmasan_report::message(line).strip_prefix("allocated ")?;
        words.strip_suffix(" bytes of page_ext")?.parse().ok()
    };
    boot.console.iter().find_map(said)
}
