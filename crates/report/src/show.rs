// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The text form of a report.

use std::fmt;

use crate::report::{More, Page, Report, Total};

/// The stable text form: a line `KIND[ in FUNCTION] (IMPLEMENTATION)[, truncated]`, then one
/// line per fact, indented by two blanks, in this order: `page`, `total`, `mapped`…, `more`,
/// `trace`… (see [`Report::trace`]); no newline at the end.
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
        for (index, frame) in self.trace().enumerate() {
            let label = if index == 0 { "trace" } else { "" };
            write!(f, "\n  {label:<7} {frame}")?;
        }
        Ok(())
    }
}

/// `1 page`, `2 pages`.
fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}
