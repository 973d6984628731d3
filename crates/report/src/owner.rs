// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The page owner's dump at the end of a report.

use crate::stack::Who;

/// What a line of the page owner's dump says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum OwnerLine {
    /// The stack of the last allocation follows.
    Allocated(Who),
    /// The stack of the last free follows.
    Freed(Who),
    /// Something without a stack.
    Other,
}

impl OwnerLine {
    /// Whether a line belongs to the page owner's dump, and what it says.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        const OTHERS: [&str; 3] = [
            "page_owner ",
            "page has been migrated",
            "There is not page extension",
        ];
        if let Some(rest) = text.strip_prefix("page last allocated ") {
            return Some(Self::Allocated(who(rest)));
        }
        if let Some(rest) = text.strip_prefix("page last free ") {
            return Some(Self::Freed(who(rest)));
        }
        let other = OTHERS.iter().any(|start| text.starts_with(start));
        other.then_some(Self::Other)
    }
}

/// `via order 4, …, pid 39, tgid 39 (insmod), ts 260000000` or `pid 39 tgid 39 ts 260000000 …`
fn who(text: &str) -> Who {
    let number = |label: &str| {
        let mut words = text.split([' ', ',']);
        words.find(|word| *word == label)?;
        words.next()?.parse::<u64>().ok()
    };
    let task = text
        .split_once(" (")
        .and_then(|(_, rest)| rest.rsplit_once("), ts "));
    Who {
        task: task.map(|(task, _)| task.to_owned()),
        pid: number("pid").and_then(|pid| pid.try_into().ok()),
        at_us: number("ts").map(|nanoseconds| nanoseconds / 1000),
        ..Who::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_who_allocated_and_who_freed() {
        let text = "page last allocated via order 4, migratetype Unmovable, gfp_mask \
                    0xdc0(GFP_KERNEL|__GFP_ZERO), pid 39, tgid 39 (insmod), ts 260000000";
        let event = Who {
            task: Some("insmod".to_owned()),
            pid: Some(39),
            at_us: Some(260_000),
            ..Who::default()
        };
        assert_eq!(
            OwnerLine::parse(text),
            Some(OwnerLine::Allocated(event.clone()))
        );
        assert_eq!(
            OwnerLine::parse("page last free pid 39 tgid 39 ts 260000000 stack trace:"),
            Some(OwnerLine::Freed(Who {
                task: None,
                ..event
            }))
        );
        assert_eq!(OwnerLine::parse("page: pfn 0x10"), None);
    }
}
