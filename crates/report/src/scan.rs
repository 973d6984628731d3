// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Small readers of the phrases of a report, each lenient about what follows.

use crate::mapping::{Domain, Mapping};
use crate::pfn::Pfn;
use crate::report::{MappedRun, More, Page, Total};
use crate::stack::Who;

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

/// `iova 0x7000, 4096 bytes, domain unmanaged 1, device 0000:00:03.0 and 2 more, driver edu`; any
/// part may be missing, and all of them are in `origin not recorded`.
pub(crate) fn mapping(text: &str) -> Mapping {
    let mut mapping = Mapping::default();
    for part in text.split(", ") {
        let (label, rest) = part.split_once(' ').unwrap_or((part, ""));
        match label {
            "iova" => mapping.iova = hex(rest),
            "domain" => {
                let (kind, id) = rest.split_once(' ').unwrap_or((rest, ""));
                mapping.domain = Some(Domain {
                    kind: kind.to_owned(),
                    id: id.split(' ').next().and_then(|id| id.parse().ok()),
                });
            }
            "device" => {
                let (device, more) = rest.split_once(" and ").unwrap_or((rest, ""));
                let more = more.split(' ').next().and_then(|more| more.parse().ok());
                mapping.device = Some(device.to_owned());
                mapping.more_devices = more.unwrap_or(0);
            }
            "driver" => mapping.driver = Some(rest.to_owned()),
            "unmapped" => mapping.unmapped_since = rest == "since",
            _ => mapping.bytes = mapping.bytes.or_else(|| counted(part, "byte")),
        }
    }
    mapping
}

/// `insmod/36 on CPU 1 at 0.104321s, 0.003121s ago`; `None` if nobody is named.
pub(crate) fn who(text: &str) -> Option<Who> {
    let (who, rest) = text.rsplit_once(" on CPU ")?;
    let (task, pid) = who.rsplit_once('/')?;
    let (cpu, times) = rest.split_once(" at ").unwrap_or((rest, ""));
    let (at, ago) = times.split_once(", ").unwrap_or((times, ""));
    Some(Who {
        task: Some(task.to_owned()),
        pid: Some(pid.parse().ok()?),
        cpu: cpu.trim().parse().ok(),
        at_us: microseconds(at),
        ago_us: ago.strip_suffix(" ago").and_then(microseconds),
    })
}

/// `0.104321s`
fn microseconds(text: &str) -> Option<u64> {
    let (seconds, fraction) = text.strip_suffix('s')?.split_once('.')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(seconds) || !digits(fraction) || fraction.len() > 6 {
        return None;
    }
    let scale = 10_u64.pow(6 - u32::try_from(fraction.len()).ok()?);
    let seconds = seconds.parse::<u64>().ok()?.checked_mul(1_000_000)?;
    seconds.checked_add(fraction.parse::<u64>().ok()? * scale)
}

/// `CPU: 1 UID: 0 PID: 36 Comm: insmod Tainted: G  O  7.3.4 #4 VOLUNTARY`: who, and the release.
pub(crate) fn cpu_line(text: &str) -> Option<(Who, Option<String>)> {
    let rest = text.strip_prefix("CPU: ")?;
    let (cpu, _) = rest.split_once(' ')?;
    let (_, rest) = rest.split_once("PID: ")?;
    let (pid, comm) = rest.split_once(" Comm: ")?;
    let end = [" Tainted: ", " Not tainted "];
    let end = end.iter().find_map(|word| comm.find(word));
    let event = Who {
        task: Some(comm[..end.unwrap_or(comm.len())].to_owned()),
        pid: pid.parse().ok(),
        cpu: cpu.parse().ok(),
        ..Who::default()
    };
    let (before, _) = comm.rsplit_once(" #").unwrap_or(("", ""));
    let release = before.rsplit(' ').next().filter(|word| !word.is_empty());
    Some((event, release.map(str::to_owned)))
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

    #[test]
    fn reads_mappings_with_and_without_their_devices() {
        let full = mapping(
            "iova 0x7000, 4096 bytes, domain unmanaged 1, device 0000:00:03.0 and 2 more, driver edu",
        );
        assert_eq!((full.iova, full.bytes), (Some(0x7000), Some(4096)));
        assert_eq!(full.domain.unwrap().id, Some(1));
        assert_eq!(full.device.as_deref(), Some("0000:00:03.0"));
        assert_eq!(
            (full.more_devices, full.driver.as_deref()),
            (2, Some("edu"))
        );
        assert!(!full.unmapped_since);
        assert!(
            mapping("iova 0x7000, 4096 bytes, domain dma 2, driver igb, unmapped since")
                .unmapped_since
        );
        assert!(mapping("origin not recorded").is_unknown());
    }

    #[test]
    fn reads_who_and_when() {
        let event = super::who("kworker/0:1-ev/36 on CPU 1 at 0.104321s, 12.5s ago").unwrap();
        assert_eq!(event.task.as_deref(), Some("kworker/0:1-ev"));
        assert_eq!((event.pid, event.cpu), (Some(36), Some(1)));
        assert_eq!(
            (event.at_us, event.ago_us),
            (Some(104_321), Some(12_500_000))
        );
        assert_eq!(super::who("stack not recorded"), None);
    }

    #[test]
    fn reads_the_line_of_the_cpu() {
        let text = "CPU: 1 UID: 0 PID: 36 Comm: my task Tainted: G           O        7.3.4 #4 X";
        let (event, release) = cpu_line(text).unwrap();
        assert_eq!(event.task.as_deref(), Some("my task"));
        assert_eq!((event.pid, event.cpu), (Some(36), Some(1)));
        assert_eq!(release.as_deref(), Some("7.3.4"));
    }
}
