// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The results for people.

use comfy_table::{CellAlignment, Table};

use super::line::{Case, Kind, Share};
use super::results::{Cost, Impl, Results, Row};
use crate::cli::Stat;
use crate::setup::print;
use crate::table::{cell, table, Mood};

/// What is above this many times off is shown as bad, what is below the other as good.
const DEAR: f64 = 2.0;
const CHEAP: f64 = 1.25;

/// Prints the table and what could not be measured.
pub(super) fn show(results: &Results) -> anyhow::Result<()> {
    print(&rows(results))?;
    print(&format!(
        "\nLinux {} on {}; {}, {} of {} rounds",
        results.kernel,
        results.cpu,
        results.unit,
        match results.stat {
            Stat::Median => "medians",
            Stat::Quiet => "quiet figures",
        },
        results.rounds
    ))?;
    problems(&results.problems)
}

/// Prints what could not be measured.
pub(super) fn problems(problems: &[String]) -> anyhow::Result<()> {
    if problems.is_empty() {
        return Ok(());
    }
    print("\nNot measured:")?;
    problems
        .iter()
        .try_for_each(|problem| print(&format!("  {problem}")))
}

/// The table as text. Figures, which are right of the first three columns, are read by their last digits.
pub(super) fn aligned(mut table: Table) -> String {
    for column in table.column_iter_mut().skip(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.trim_fmt()
}

fn rows(results: &Results) -> String {
    let compared: Vec<Impl> = results
        .impls
        .iter()
        .copied()
        .filter(|one| *one != Impl::Off && results.impls.contains(&Impl::Off))
        .collect();
    let mut header = vec!["what".to_owned(), "size".to_owned(), "op".to_owned()];
    header.extend(results.impls.iter().map(|one| one.name().to_owned()));
    header.extend(compared.iter().map(|one| format!("{}/off", one.name())));
    let header: Vec<&str> = header.iter().map(String::as_str).collect();

    let mut table = table(&header);
    for row in &results.cases {
        let mut cells = vec![
            cell(what(&row.case), Mood::Plain),
            cell(row.case.size, Mood::Plain),
            cell(row.case.op, Mood::Plain),
        ];
        cells.extend(results.impls.iter().map(|one| {
            let text = row
                .costs
                .get(one)
                .map_or("-".to_owned(), |cost| shown(row, cost, results.stat));
            cell(text, Mood::Plain)
        }));
        cells.extend(compared.iter().map(|one| match row.times_off.get(one) {
            Some(times) if *times >= 100.0 => cell(format!("{times:.0}"), mood(*times)),
            Some(times) => cell(format!("{times:.2}"), mood(*times)),
            None => cell("-", Mood::Plain),
        }));
        table.add_row(cells);
    }
    aligned(table)
}

/// `large, amdv1`, `4K leaves, amdv1, 2 threads, same pages`
fn what(case: &Case) -> String {
    let mut text = match case.kind {
        Kind::Large => "large leaves",
        Kind::Small => "4K leaves",
        Kind::Scattered => "scattered, a page",
        Kind::Pages => "page allocator",
    }
    .to_owned();
    if case.kind != Kind::Pages {
        text.push_str(", ");
        text.push_str(&case.format);
    }
    if case.threads > 1 {
        text.push_str(&format!(", {} threads", case.threads));
    }
    text.push_str(match case.share {
        Share::None if case.threads == 1 || case.kind == Kind::Pages => "",
        Share::None => ", a domain each",
        Share::Domain => ", one domain",
        Share::Pages => ", same pages",
    });
    text
}

/// `140 ±3%`. Of scattered pages, what one page costs.
fn shown(row: &Row, cost: &Cost, stat: Stat) -> String {
    let value = cost.value(stat);
    let spread = match stat {
        Stat::Median => format!(" ±{:.0}%", cost.spread * 50.0),
        // The least has none.
        Stat::Quiet => String::new(),
    };
    match row.case.kind {
        Kind::Scattered => {
            let one = value as f64 / row.case.size.pages().max(1) as f64;
            format!("{one:.1}{spread}")
        }
        Kind::Large | Kind::Small | Kind::Pages => format!("{value}{spread}"),
    }
}

fn mood(times: f64) -> Mood {
    if times > DEAR {
        Mood::Bad
    } else if times <= CHEAP {
        Mood::Good
    } else {
        Mood::Plain
    }
}

#[cfg(test)]
mod tests {
    use super::super::results::tests::results;
    use super::*;

    #[test]
    fn the_forms_are_stable() {
        let all = results(&[Impl::Off, Impl::C, Impl::Rust]);
        insta::assert_snapshot!("table", rows(&all));
        insta::assert_snapshot!("json", serde_json::to_string_pretty(&all.cases[0]).unwrap());
    }

    #[test]
    fn without_off_there_are_no_ratios() {
        let text = rows(&results(&[Impl::C, Impl::Rust]));
        assert!(!text.contains("/off"), "{text}");
    }

    #[test]
    fn scattered_pages_are_shown_by_the_page() {
        let text = rows(&results(&[Impl::Off]));
        assert!(text.contains("100.1"), "{text}");
    }
}
