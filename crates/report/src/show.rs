// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The text form of a report.

use std::fmt;

use crate::mapping::{Domain, Mapping};
use crate::report::{More, Page, Report, Total};
use crate::stack::Who;

/// The stable text form: a line `KIND[ in FUNCTION] (IMPLEMENTATION)[, truncated]`, then one
/// line per fact, indented by two blanks, in this order: `page`, `total`, `mapped`…, `more`,
/// `mapping`… with its stack, `trace`… (see [`Report::trace`]); no newline at the end.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        if let Some(function) = &self.function {
            write!(f, " in {function}")?;
        }
        write!(f, " ({})", self.implementation)?;
        if self.truncated {
            write!(f, ", truncated")?;
        }
        if let Some(Page { pfn, phys, order }) = self.page {
            write!(f, "\n  page    pfn {pfn}, phys {phys:#x}, order {order}")?;
        }
        if let Some(Total { pages, runs }) = self.total {
            write!(
                f,
                "\n  total   {} in {}",
                count(pages, "page"),
                count(runs, "run")
            )?;
        }
        for run in &self.runs {
            match run.range() {
                Some(range) => write!(f, "\n  mapped  pfn {range}")?,
                None => write!(f, "\n  mapped  pfn {}-{}", run.first_pfn, run.last_pfn)?,
            }
            write!(f, ", {}", count(run.pages, "page"))?;
            if let Some(translations) = run.translations {
                write!(f, ", {}", count(translations, "translation"))?;
            }
        }
        if let Some(More { runs, pages }) = self.more {
            write!(
                f,
                "\n  more    {}, {}",
                count(runs, "run"),
                count(pages, "page")
            )?;
        }
        for mapping in &self.mappings {
            write!(f, "\n  mapping {mapping}")?;
            if let Some(who) = &mapping.mapped.by {
                write!(f, "\n          by {who}")?;
            }
            for frame in mapping.mapped.readable() {
                write!(f, "\n          {frame}")?;
            }
        }
        for (index, frame) in self.trace().enumerate() {
            let label = if index == 0 { "trace" } else { "" };
            write!(f, "\n  {label:<7} {frame}")?;
        }
        Ok(())
    }
}

/// As in the log: `iova 0x7000, 4096 bytes, domain unmanaged 1, device 0000:00:03.0, driver edu`.
impl fmt::Display for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        parts.extend(self.iova.map(|iova| format!("iova {iova:#x}")));
        parts.extend(self.bytes.map(|bytes| count(bytes, "byte")));
        if let Some(Domain { kind, id }) = &self.domain {
            let id = id.map(|id| format!(" {id}")).unwrap_or_default();
            parts.push(format!("domain {kind}{id}"));
        }
        if let Some(device) = &self.device {
            let more = match self.more_devices {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            parts.push(format!("device {device}{more}"));
        }
        parts.extend(self.driver.iter().map(|driver| format!("driver {driver}")));
        if parts.is_empty() {
            return f.write_str("origin not recorded");
        }
        if self.unmapped_since {
            parts.push("unmapped since".to_owned());
        }
        f.write_str(&parts.join(", "))
    }
}

/// `insmod/36 on CPU 1 at 0.104321 s, 0.003121 s before`, as far as that is known.
impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.task.as_deref().unwrap_or("a task"))?;
        if let Some(pid) = self.pid {
            write!(f, "/{pid}")?;
        }
        if let Some(cpu) = self.cpu {
            write!(f, " on CPU {cpu}")?;
        }
        if let Some(at) = self.at_us {
            write!(f, " at {}", seconds(at))?;
        }
        match self.ago_us {
            Some(ago) => write!(f, ", {} before", seconds(ago)),
            None => Ok(()),
        }
    }
}

/// Microseconds as `0.104321 s`.
fn seconds(us: u64) -> String {
    format!("{}.{:06} s", us / 1_000_000, us % 1_000_000)
}

/// `1 page`, `2 pages`.
fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}
