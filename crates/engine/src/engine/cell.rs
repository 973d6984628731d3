// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The count of one page, and the only places where it changes.
//!
//! A cell is one 32-bit word:
//!
//! | bits | meaning |
//! |---|---|
//! | 0 to 29 | live translations, in granules |
//! | 30 | saturated: the count is not known any more, and the page is left alone for ever |
//! | 31 | reported: a checker has told of the present translations; cleared with the last of them |
//!
//! Why relaxed ordering is enough: the one promise to keep is that a checker does not see a
//! translation whose unmap has returned. If the unmap happens before the check, as it does in
//! every correct driver, coherence of the single word alone makes the check see the decrement.

/// Set in a cell that has counted more than it can. Nothing is ever taken away from such a cell,
/// and whoever adds to it puts it back here, so that adds which race cannot carry into bit 31.
const SATURATED: u32 = 1 << 30;
/// Set by the checker that reports a page.
const REPORTED: u32 = 1 << 31;

/// A 32-bit atomic word that starts at zero.
///
/// Implementors make every method a single atomic access of the same word. No ordering is asked
/// for beyond that: see the module.
pub trait Cell {
    /// Reads the word.
    fn load(&self) -> u32;
    /// Writes the word.
    fn store(&self, value: u32);
    /// Adds with wrap-around and returns the value before.
    fn fetch_add(&self, value: u32) -> u32;
    /// Replaces `current` by `new` and says whether it did. May fail without cause.
    fn compare_exchange_weak(&self, current: u32, new: u32) -> Result<u32, u32>;
}

/// A reading of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count(u32);

/// What taking translations away found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// They were there.
    Exact {
        /// Whether a checker had reported the page since it was last free of translations.
        reported: bool,
    },
    /// This many were not there; the count is zero now.
    Underflow {
        /// Translations taken away that nobody had counted.
        missing: u32,
    },
    /// The cell is saturated and says nothing.
    Unknown,
}

impl Count {
    /// Live translations. Zero for a saturated cell: what is not known must not raise an alarm.
    #[inline]
    pub fn translations(self) -> u32 {
        if self.is_saturated() {
            0
        } else {
            self.0 & !REPORTED
        }
    }

    /// Whether the cell has given up counting.
    #[inline]
    pub fn is_saturated(self) -> bool {
        self.0 & SATURATED != 0
    }

    /// Whether the present translations have been reported.
    #[inline]
    pub fn is_reported(self) -> bool {
        self.0 & REPORTED != 0
    }
}

/// Reads a count.
#[inline]
pub(super) fn read<C: Cell>(cell: &C) -> Count {
    Count(cell.load())
}

/// Adds `weight` translations. Returns false, once per cell and racing CPU, when it saturates.
#[inline]
#[must_use]
pub(super) fn add<C: Cell>(cell: &C, weight: u32) -> bool {
    let old = Count(cell.fetch_add(weight));
    let sum = (old.0 & !REPORTED).saturating_add(weight);
    if sum < SATURATED {
        return true;
    }
    cell.store(SATURATED);
    old.is_saturated()
}

/// Takes `weight` translations away, never below zero.
///
/// The last one clears the mark of a report in the same step, so that a new bug on the page is a
/// new report.
#[inline]
pub(super) fn take<C: Cell>(cell: &C, weight: u32) -> Taken {
    let mut current = cell.load();
    loop {
        let old = Count(current);
        if old.is_saturated() {
            return Taken::Unknown;
        }
        let live = old.translations();
        let reported = old.is_reported();
        let (new, taken) = match live.checked_sub(weight) {
            Some(0) => (0, Taken::Exact { reported }),
            Some(_) => (current - weight, Taken::Exact { reported }),
            None => {
                let missing = weight - live;
                (0, Taken::Underflow { missing })
            }
        };
        match cell.compare_exchange_weak(current, new) {
            Ok(_) => return taken,
            Err(seen) => current = seen,
        }
    }
}

/// Marks the present translations as reported and returns how many there are.
///
/// `None` if there are none, if they have been reported already, or if somebody else is faster:
/// of several checkers of one page exactly one gets the number.
#[inline]
pub(super) fn report<C: Cell>(cell: &C) -> Option<u32> {
    let mut current = cell.load();
    loop {
        let count = Count(current);
        if count.translations() == 0 || count.is_reported() {
            return None;
        }
        match cell.compare_exchange_weak(current, current | REPORTED) {
            Ok(_) => return Some(count.translations()),
            Err(seen) => current = seen,
        }
    }
}
