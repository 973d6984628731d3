// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What the benchmark prints.

use serde::Serialize;

use crate::bench::size::Size;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Case {
    pub(super) size: Size,
    pub(super) threads: u32,
}

/// An average, and how far a single one lies from it (standard deviation), in tenths of a microsecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Latency {
    pub(super) average: u64,
    pub(super) deviation: u64,
}

/// What it says of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Figures {
    pub(super) map: Latency,
    pub(super) unmap: Latency,
}

/// Reads a console, which has three lines for each case.
pub(super) fn parse(console: &[String], page: u64) -> Vec<(Case, Figures)> {
    let mut found = Vec::new();
    let mut case = None;
    let mut map = None;
    for line in console {
        if let Some(next) = parse_case(line, page) {
            (case, map) = (Some(next), None);
        } else if let Some(latency) = parse_latency(line, "average map latency(us):") {
            map = Some(latency);
        } else if let Some(unmap) = parse_latency(line, "average unmap latency(us):") {
            if let (Some(case), Some(map)) = (case.take(), map.take()) {
                found.push((case, Figures { map, unmap }));
            }
        }
    }
    found
}

fn parse_case(line: &str, page: u64) -> Option<Case> {
    let words = line.trim().strip_prefix("dma mapping benchmark")?;
    let field = |name: &str| {
        let word = words.split(' ').find_map(|word| word.strip_prefix(name))?;
        word.parse::<u32>().ok()
    };
    Some(Case {
        size: Size(page.checked_mul(field("granule:")?.into())?),
        threads: field("threads:")?,
    })
}

/// `average map latency(us):1.2 standard deviation:0.3`
fn parse_latency(line: &str, what: &str) -> Option<Latency> {
    let words = line.trim().strip_prefix(what)?;
    let (average, deviation) = words.split_once(" standard deviation:")?;
    Some(Latency {
        average: tenths(average)?,
        deviation: tenths(deviation)?,
    })
}

fn tenths(number: &str) -> Option<u64> {
    let (whole, tenth) = number.split_once('.')?;
    if tenth.len() != 1 {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    whole.checked_mul(10)?.checked_add(tenth.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONSOLE: &str = "\
        dma mapping benchmark(SINGLE_MODE): threads:1 seconds:2 node:-1 dir:BIDIRECTIONAL granule:256\n\
        average map latency(us):80.9 standard deviation:1.0\n\
        average unmap latency(us):101.5 standard deviation:0.1";

    #[test]
    fn a_case_is_three_lines() {
        let console: Vec<String> = CONSOLE.lines().map(str::to_owned).collect();
        let found = parse(&console, 4096);
        assert_eq!(found.len(), 1);
        let (case, figures) = found[0];
        assert_eq!((case.size, case.threads), (Size(1 << 20), 1));
        assert_eq!(figures.map.average, 809);
        assert_eq!(figures.unmap.deviation, 1);
    }

    #[test]
    fn what_lacks_a_line_is_no_case() {
        for missing in 0..3 {
            let mut console: Vec<String> = CONSOLE.lines().map(str::to_owned).collect();
            console.remove(missing);
            assert_eq!(parse(&console, 4096), [], "{missing}");
        }
    }
}
