// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The page owner's dump at the end of a report.

/// Whether the line belongs to the page owner's dump, whose stacks are not the report's own.
pub(crate) fn is_owner_line(text: &str) -> bool {
    const STARTS: [&str; 5] = [
        "page_owner ",
        "page last allocated ",
        "page last free ",
        "page has been migrated",
        "There is not page extension",
    ];
    STARTS.iter().any(|start| text.starts_with(start))
}
