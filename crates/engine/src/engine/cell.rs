// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The words that counts are made of.
//!
//! A word is 32 bits:
//!
//! | bits | meaning |
//! |---|---|
//! | 0 | reported: a checker has told of the page, or of some page in the block |
//! | 1 | of a page, saturated: it has more translations than can be counted, and is left alone |
//! |   | of a block, touched: some word below may not be zero ([`marks`]) |
//! | 2 to 31 | a signed number of translations, in granules |
//!
//! The count of a page is a sum of words ([`Chain`]), so a single one may be negative, and may
//! wrap: the sum is taken modulo 2^30 and comes out right. The flags are at the low end because
//! whatever is carried out of the top is meant to be lost.
//!
//! [`Chain`]: super::chain
//! [`marks`]: super::marks

/// A checker has told of the translations of the page, or of some page in the block.
const REPORTED: u32 = 1 << 0;
/// The count of the page is not known any more. In words of pages only.
const SATURATED: u32 = 1 << 1;
/// Something below may not be zero. In words of blocks only, which are never saturated.
const TOUCHED: u32 = SATURATED;
/// Everything that is not a count.
const FLAGS: u32 = REPORTED | SATURATED;
/// One translation.
const ONE: u32 = FLAGS + 1;

/// A 32-bit atomic word that starts at zero.
///
/// Both ways of changing it are fully ordered, as the kernel's are by default: no access of the
/// caller to other words moves behind them that comes before, or the other way round.
pub trait Cell {
    /// Reads the word, in no particular order.
    fn load(&self) -> u32;
    /// Reads the word before anything that the caller reads after it.
    fn load_acquire(&self) -> u32;
    /// Adds with wrap-around and returns the value before.
    fn fetch_add(&self, value: u32) -> u32;
    /// Replaces `current` by `new`, or returns what is there instead. May fail without cause.
    fn compare_exchange_weak(&self, current: u32, new: u32) -> Result<u32, u32>;
}

/// A value of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word(pub(super) u32);

impl Word {
    /// Nothing but this many translations.
    #[inline]
    pub(super) fn of(translations: u32) -> Self {
        Self(translations.wrapping_mul(ONE))
    }

    /// The number alone.
    #[inline]
    pub(super) fn number(self) -> Self {
        Self(self.0 & !FLAGS)
    }

    /// The number.
    #[inline]
    pub(super) fn signed(self) -> i32 {
        (self.number().0 as i32) / ONE as i32
    }

    /// The sum of the numbers, with the flags of `self`.
    #[inline]
    pub(super) fn plus(self, other: Word) -> Self {
        Self(self.0.wrapping_add(other.number().0))
    }

    /// The difference of the numbers, with the flags of `self`.
    #[inline]
    pub(super) fn minus(self, other: Word) -> Self {
        Self(self.0.wrapping_sub(other.number().0))
    }

    /// Whether the number is zero, whatever the flags.
    #[inline]
    pub(super) fn is_zero(self) -> bool {
        self.number().0 == 0
    }

    /// Whether the number is less than zero.
    #[inline]
    pub(super) fn is_negative(self) -> bool {
        (self.0 as i32) < 0
    }

    #[inline]
    pub(super) fn is_reported(self) -> bool {
        self.0 & REPORTED != 0
    }

    #[inline]
    pub(super) fn is_saturated(self) -> bool {
        self.0 & SATURATED != 0
    }

    #[inline]
    pub(super) fn is_touched(self) -> bool {
        self.0 & TOUCHED != 0
    }

    /// Whether the numbers of several words are all zero, given all bits that are in any of them.
    ///
    /// If they are, and nothing is touched, then so are the counts of whatever is below.
    #[inline]
    pub(super) fn is_nothing(self) -> bool {
        self.0 & !REPORTED == 0
    }

    /// All bits that are in one word or another.
    #[inline]
    pub(super) fn over(self, other: Word) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn reported(self) -> Self {
        Self(self.0 | REPORTED)
    }

    pub(super) fn not_reported(self) -> Self {
        Self(self.0 & !REPORTED)
    }

    pub(super) fn touched(self) -> Self {
        Self(self.0 | TOUCHED)
    }

    pub(super) fn not_touched(self) -> Self {
        Self(self.0 & !TOUCHED)
    }

    pub(super) fn saturated(self) -> Self {
        Self(self.not_reported().0 | SATURATED)
    }
}

/// Reads a word.
#[inline]
pub(super) fn read<C: Cell>(cell: &C) -> Word {
    Word(cell.load())
}

/// Reads a word before those that are read after it.
#[inline]
pub(super) fn read_first<C: Cell>(cell: &C) -> Word {
    Word(cell.load_acquire())
}

/// Adds translations and returns what was there before.
#[inline]
pub(super) fn add<C: Cell>(cell: &C, translations: u32) -> Word {
    Word(cell.fetch_add(Word::of(translations).0))
}

/// Takes translations away and returns what was there before.
#[inline]
pub(super) fn take<C: Cell>(cell: &C, translations: u32) -> Word {
    Word(cell.fetch_add(Word::of(translations).0.wrapping_neg()))
}

/// Changes a word as `to` says, or leaves it if that says nothing. Whether it was changed.
pub(super) fn change<C: Cell>(cell: &C, mut to: impl FnMut(Word) -> Option<Word>) -> bool {
    let mut current = cell.load();
    loop {
        let Some(new) = to(Word(current)) else {
            return false;
        };
        match cell.compare_exchange_weak(current, new.0) {
            Ok(_) => return true,
            Err(seen) => current = seen,
        }
    }
}
