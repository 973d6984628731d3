// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Pages with more translations than can be counted.
//!
//! A sum must stay below 2^29, and a map sees but one of the words that it is made of. So each
//! time that a word has grown by another 2^26, the sums that it is part of are worked out. Between
//! two such looks no word grows by more than that, and all words of a sum together stay below the
//! limit.

use super::block::Block;
use super::cell::{self, Word};
use super::{chain, Findings, Section, Shape};

/// How far a word may grow before somebody looks.
const STEP: u32 = 1 << 26;
/// The number of translations that is too many.
const TOO_MANY: u32 = STEP;

/// Whether it is time to look, after something has been added to a word.
#[inline]
pub(super) fn is_due(old: Word, added: u32) -> bool {
    // Words around zero, on either side of it, are in the middle of a step.
    let step = |word: Word| word.plus(Word::of(STEP / 2)).0 / Word::of(STEP).0;
    step(old) != step(old.plus(Word::of(added)))
}

/// Gives up on the pages of a block that have too many translations, and adds them to `saturated`.
#[cold]
pub(super) fn look<S: Section>(shape: Shape, section: &S, block: Block, saturated: &mut Findings) {
    for pfn in block.pages() {
        if chain::sum(shape, section, pfn).translations() < TOO_MANY {
            continue;
        }
        let changed = cell::change(section.page(pfn), |word| {
            (!word.is_saturated()).then(|| word.saturated())
        });
        if changed {
            saturated.push(pfn, 0);
        }
    }
}
