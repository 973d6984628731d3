// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What the bench module prints.

use std::fmt;

use serde::Serialize;

use super::size::Size;

/// What is measured: everything in a line of results but the results.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Case {
    /// The page-table format; `none` for the page allocator.
    pub(super) format: String,
    pub(super) kind: Kind,
    /// What the threads have in common.
    pub(super) share: Share,
    pub(super) threads: u32,
    pub(super) size: Size,
    pub(super) op: Op,
}

/// Defines an enum whose variants are words of the module's lines.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
        #[serde(rename_all = "lowercase")]
        pub(super) enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            fn from_word(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(match self {
                    $(Self::$variant => $word,)*
                })
            }
        }
    };
}

words! {
    /// What is done to the memory.
    Kind {
        /// Mapped with the largest leaves that fit.
        Large = "large",
        /// Mapped with 4K leaves.
        Small = "small",
        /// Mapped page by page, no two neighbours contiguous, unmapped as a whole.
        Scattered = "scattered",
        /// Allocated and freed.
        Pages = "pages",
    }
}

words! {
    /// What several threads have in common.
    Share {
        /// Nothing: each has its own domain and memory, or there is one thread.
        None = "none",
        /// A domain, in which each has its own range.
        Domain = "domain",
        /// The memory, each in its own domain.
        Pages = "pages",
    }
}

words! {
    /// What is timed.
    Op {
        Map = "map",
        Unmap = "unmap",
        Alloc = "alloc",
        Free = "free",
    }
}

/// What one boot says about a case. Costs are in the clock's unit, of one operation on the whole range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Figures {
    pub(super) samples: u64,
    /// How many operations make a sample, which is their mean.
    pub(super) batch: u64,
    pub(super) min: u64,
    pub(super) p25: u64,
    pub(super) median: u64,
    pub(super) p75: u64,
}

/// A line of the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// The module begins; the unit of its costs.
    Begin {
        unit: String,
    },
    Result(Case, Figures),
    /// A case could not be measured; the whole line.
    Failed(String),
    /// The module has come to its end.
    End {
        lines: u64,
    },
}

/// Understands a line of the console; `None` if it is not the module's.
pub(super) fn parse(line: &str) -> Option<Line> {
    let words = dmasan_report::message(line).strip_prefix("bench: ")?;
    let field = |name: &str| {
        words.split(' ').find_map(|word| {
            let (key, value) = word.split_once('=')?;
            (key == name).then_some(value)
        })
    };
    let number = |name: &str| field(name)?.parse().ok();
    match words.split(' ').next()? {
        "begin" => Some(Line::Begin {
            unit: field("unit")?.to_owned(),
        }),
        "end" => Some(Line::End {
            lines: number("lines")?,
        }),
        "failed" => Some(Line::Failed(words.to_owned())),
        _ => {
            let case = Case {
                format: field("format")?.to_owned(),
                kind: Kind::from_word(field("kind")?)?,
                share: Share::from_word(field("share")?)?,
                threads: field("threads")?.parse().ok()?,
                size: Size(number("size")?),
                op: Op::from_word(field("op")?)?,
            };
            let figures = Figures {
                samples: number("samples")?,
                batch: number("batch")?,
                min: number("min")?,
                p25: number("p25")?,
                median: number("median")?,
                p75: number("p75")?,
            };
            Some(Line::Result(case, figures))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESULT: &str = "[    0.190000] bench: format=amdv1 kind=large share=none size=4096 \
        threads=1 op=unmap unit=cycles samples=4096 batch=64 min=122 p25=139 median=140 p75=227";

    #[test]
    fn a_result_is_read_whatever_the_order_of_its_fields() {
        let Some(Line::Result(case, figures)) = parse(RESULT) else {
            panic!("{RESULT}")
        };
        assert_eq!(
            (case.kind, case.op, case.size),
            (Kind::Large, Op::Unmap, Size(4096))
        );
        assert_eq!((figures.min, figures.median, figures.p75), (122, 140, 227));

        let mut words: Vec<&str> = RESULT.split(' ').collect();
        let at = words.iter().position(|word| *word == "bench:").unwrap();
        words[at + 1..].reverse();
        assert_eq!(parse(&words.join(" ")), parse(RESULT));
    }

    #[test]
    fn a_line_that_lacks_something_is_no_result() {
        for missing in ["p25=139", "size=4096", "op=unmap", "bench:"] {
            assert_eq!(parse(&RESULT.replace(missing, "")), None, "{missing}");
        }
    }

    #[test]
    fn the_frame_of_the_results_is_read() {
        let begin = "[    0.18] bench: begin unit=cycles clock=58 memory=0x40000000 threads=1";
        assert_eq!(
            parse(begin),
            Some(Line::Begin {
                unit: "cycles".to_owned()
            })
        );
        assert_eq!(parse("bench: end lines=44"), Some(Line::End { lines: 44 }));
        assert!(matches!(
            parse("bench: failed format=amdv1 error=-12"),
            Some(Line::Failed(_))
        ));
        assert_eq!(
            parse("bench: loading out-of-tree module taints kernel."),
            None
        );
    }
}
