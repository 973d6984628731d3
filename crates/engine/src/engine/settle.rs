// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What is rare about taking translations away: pages that had been reported, and pages that had
//! less than was taken.

use super::block::Block;
use super::cell::{self, Word};
use super::chain;
use super::marks;
use super::{Findings, Pfn, Section, Shape};

/// What taking translations away from a page has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settled {
    /// They were there.
    Exact {
        /// Whether a checker had reported the page since it was last free of translations.
        reported: bool,
    },
    /// This many were not there. The count has been put back to zero.
    Underflow {
        /// Translations taken away that nobody had counted.
        missing: u32,
    },
    /// There is no telling.
    Unknown,
}

/// Looks at every page of a block from which something has just been taken away.
///
/// Pages without translations lose the mark of a report, so that a new bug is a new report.
#[cold]
pub(super) fn block<S: Section>(
    shape: Shape,
    section: &S,
    block: Block,
    mut visit: impl FnMut(Pfn, Settled),
) {
    // What has become too small shows only to checks that look.
    if block.level() < shape.mark() {
        marks::touch(shape, section, block.first());
    }
    // The mark of a block says that a page in it has been reported. It is off while we look, and
    // whoever takes something away meanwhile does not: so once more, when it is on again.
    if block.level() > 0 {
        set_reported(section, block, false);
    }
    let mut reported = false;
    for pfn in block.pages() {
        let (settled, left) = page(shape, section, pfn);
        reported |= left;
        visit(pfn, settled);
    }
    if reported && block.level() > 0 {
        set_reported(section, block, true);
        for pfn in block.pages() {
            if own_mark(section, pfn) {
                page(shape, section, pfn);
            }
        }
    }
}

/// Looks for pages with less than nothing in a block whose word has become negative.
///
/// That is nothing unusual: what was mapped in parts may be unmapped as a whole. Parts in which
/// the sum of all words down to theirs is not negative are left out. If there is a page with less
/// than nothing all the same, its next check finds it.
#[cold]
pub(super) fn negative<S: Section>(
    shape: Shape,
    section: &S,
    block: Block,
    underflow: &mut Findings,
) {
    if block.level() < shape.mark() {
        marks::touch(shape, section, block.first());
    }
    let above = chain::above(shape, section, block.first(), block.level() + 1);
    descend(shape, section, block, above, underflow);
}

fn descend<S: Section>(
    shape: Shape,
    section: &S,
    block: Block,
    above: Word,
    underflow: &mut Findings,
) {
    let sum = above.plus(cell::read(block.cell(section)));
    if !sum.is_negative() {
        return;
    }
    if block.level() == 0 {
        if let (Settled::Underflow { missing }, _) = page(shape, section, block.first()) {
            underflow.push(block.first(), missing);
        }
        return;
    }
    for part in block.parts(shape, block.first(), block.last()) {
        descend(shape, section, part, sum, underflow);
    }
}

/// Settles one page. Says also whether it is still one that has been reported.
pub(super) fn page<S: Section>(shape: Shape, section: &S, pfn: Pfn) -> (Settled, bool) {
    let cell = section.page(pfn);
    loop {
        let Some((own, count)) = chain::steady_sum(shape, section, pfn) else {
            return (Settled::Unknown, own_mark(section, pfn));
        };
        if count.is_saturated() {
            return (Settled::Unknown, false);
        }
        let reported = own.is_reported();
        let missing = count.missing();
        if missing == 0 && (count.translations() > 0 || !reported) {
            return (Settled::Exact { reported }, reported);
        }
        // Of several who see the same, exactly one gets here.
        let new = own.plus(Word::of(missing)).not_reported();
        if cell::change(cell, |word| (word == own).then_some(new)) {
            if missing == 0 {
                return (Settled::Exact { reported }, false);
            }
            marks::touch(shape, section, pfn);
            return (Settled::Underflow { missing }, false);
        }
    }
}

/// Marks a page that has translations as reported, and returns how many they are.
///
/// `None` if it has none, if they have been reported already, or if somebody else is faster: of
/// several who find the same translations exactly one gets the number.
pub(super) fn report<S: Section>(shape: Shape, section: &S, pfn: Pfn) -> Option<u32> {
    let count = chain::sum(shape, section, pfn);
    if count.translations() == 0 || count.is_reported() {
        return None;
    }
    set_reported(section, Block::around(shape, pfn, 0), true).then_some(())?;
    // From here on whoever takes from these blocks will look at the page.
    for level in 1..shape.levels() {
        let around = Block::around(shape, pfn, level);
        if around.is_in(section) {
            set_reported(section, around, true);
        }
    }
    // Somebody who did so just before has not.
    let left = chain::sum(shape, section, pfn).translations();
    if left > 0 {
        return Some(left);
    }
    // If the mark is gone, it has been seen, and nobody else will tell of the page.
    let taken_back = set_reported(section, Block::around(shape, pfn, 0), false);
    (!taken_back).then_some(count.translations())
}

/// Puts the mark of a report on or takes it off, and says whether it was the other way before.
fn set_reported<S: Section>(section: &S, block: Block, reported: bool) -> bool {
    cell::change(block.cell(section), |word| {
        let new = if reported {
            word.reported()
        } else {
            word.not_reported()
        };
        (new != word).then_some(new)
    })
}

fn own_mark<S: Section>(section: &S, pfn: Pfn) -> bool {
    cell::read(section.page(pfn)).is_reported()
}
