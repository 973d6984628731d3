// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Tables on standard output.

use std::io::IsTerminal;

use comfy_table::{Cell, Color, ContentArrangement, LineStyle, Table, TableStyle};

/// One line under the header and none elsewhere.
const STYLE: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// How something is to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// As it should be.
    Good,
    /// Not as it should be.
    Bad,
    /// Neither.
    Plain,
}

/// An empty table with a header; coloured and fitted to the width on a terminal only.
pub(crate) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(STYLE);
    table.set_header(header.to_vec());
    if std::io::stdout().is_terminal() {
        table.set_content_arrangement(ContentArrangement::Dynamic);
    } else {
        table.set_content_arrangement(ContentArrangement::Disabled);
    }
    if !std::io::stdout().is_terminal()
        || std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty())
    {
        table.force_no_tty();
    }
    table
}

/// A cell in the colour of its mood.
pub(crate) fn cell(text: impl ToString, mood: Mood) -> Cell {
    let cell = Cell::new(text);
    match mood {
        Mood::Good => cell.fg(Color::Green),
        Mood::Bad => cell.fg(Color::Red),
        Mood::Plain => cell,
    }
}

/// Bytes as `3.1 GB`, `12 MB`, `4 kB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    for (unit, name) in UNITS {
        if bytes >= unit {
            let tenths = bytes / (unit / 10);
            return if tenths < 100 {
                format!("{}.{} {name}", tenths / 10, tenths % 10)
            } else {
                format!("{} {name}", bytes / unit)
            };
        }
    }
    format!("{bytes} bytes")
}

/// Mebibytes in the same form.
pub(crate) fn size_mib(mib: u64) -> String {
    size(mib.saturating_mul(1 << 20))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_two_digits_at_least() {
        assert_eq!(size(999), "999 bytes");
        assert_eq!(size(4_100), "4.1 kB");
        assert_eq!(size(12_345_678), "12 MB");
        assert_eq!(size(3_149_000_000), "3.1 GB");
    }
}
