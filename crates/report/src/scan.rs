// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Small readers of the phrases of a report, each lenient about what follows.

use crate::pfn::Pfn;
use crate::report::{MappedRun, More, Page, Total};

/// The word after `label` and a blank, up to a comma or blank.
fn field<'a>(text: &'a str, label: &str) -> Option<&'a str> {
    let rest = text.trim_start().strip_prefix(label)?.strip_prefix(' ')?;
    rest.split([',', ' ']).next()
}

/// A hexadecimal number with `0x`.
pub(crate) fn hex(word: &str) -> Option<u64> {
    let digits = word.strip_prefix("0x")?;
    // from_str_radix() would take a sign.
    let plain = digits.bytes().all(|b| b.is_ascii_hexdigit());
    if plain {
        u64::from_str_radix(digits, 16).ok()
    } else {
        None
    }
}

/// `3 pages`, `1 page`: the number before the noun.
fn counted(phrase: &str, noun: &str) -> Option<u64> {
    let (number, rest) = phrase.trim().split_once(' ')?;
    let word = rest.split(' ').next()?;
    if word != noun && word.strip_suffix('s') != Some(noun) {
        return None;
    }
    number.parse().ok()
}

/// `0x1a2b5` or `0x1a2b0-0x1a2bf`: first and last page.
pub(crate) fn pfns(word: &str) -> Option<(Pfn, Pfn)> {
    let (first, last) = word.split_once('-').unwrap_or((word, word));
    Some((Pfn(hex(first)?), Pfn(hex(last)?)))
}

/// `pfn 0x1a2b0, phys 0x1a2b0000, order 4`
pub(crate) fn page(text: &str) -> Option<Page> {
    let mut parts = text.split(',');
    Some(Page {
        pfn: Pfn(hex(field(parts.next()?, "pfn")?)?),
        phys: hex(field(parts.next()?, "phys")?)?,
        order: field(parts.next()?, "order")?.parse().ok()?,
    })
}

/// `pfn 0x1a2b7-0x1a2b9, 3 pages, 3 translations`; both counts may be missing.
pub(crate) fn run(text: &str) -> Option<MappedRun> {
    let (first_pfn, last_pfn) = pfns(field(text, "pfn")?)?;
    let find = |noun| text.split(',').skip(1).find_map(|part| counted(part, noun));
    let span = last_pfn.0.checked_sub(first_pfn.0)?;
    Some(MappedRun {
        first_pfn,
        last_pfn,
        pages: find("page").unwrap_or_else(|| span.saturating_add(1)),
        translations: find("translation"),
    })
}

/// `12 runs, 40 pages`
pub(crate) fn more(text: &str) -> Option<More> {
    let (runs, pages) = text.split_once(',')?;
    Some(More {
        runs: counted(runs, "run")?,
        pages: counted(pages, "page")?,
    })
}

/// `16 pages in 1 run still mapped …`
pub(crate) fn total(text: &str) -> Option<Total> {
    let (pages, runs) = text.split_once(" in ")?;
    Some(Total {
        pages: counted(pages, "page")?,
        runs: counted(runs, "run")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_singular_and_plural() {
        assert_eq!(counted("1 page", "page"), Some(1));
        assert_eq!(counted(" 3 pages", "page"), Some(3));
        assert_eq!(counted("3 paging", "page"), None);
        assert_eq!(
            total("16 pages in 1 run still mapped"),
            Some(Total { pages: 16, runs: 1 })
        );
    }

    #[test]
    fn a_run_may_lack_its_counts() {
        let run = run("pfn 0x10-0x12, something else").unwrap();
        assert_eq!((run.pages, run.translations), (3, None));
    }

    #[test]
    fn refuses_numbers_that_the_kernel_does_not_print() {
        assert_eq!(hex("0x+1"), None);
        assert_eq!(hex("0x"), None);
        assert_eq!(hex("12"), None);
        assert_eq!(run("pfn 0x12-0x10, 3 pages"), None);
    }
}
