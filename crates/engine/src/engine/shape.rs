// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Which blocks of pages have a word of their own.

/// The sizes of the naturally aligned blocks of pages that have a word, from the page up.
///
/// The more sizes there are, the fewer words a large run takes, and the more words a check has to
/// read. A block keeps its word in the spare one of a page near its end: the block of level n in
/// that of its n-th last page, so that no two blocks want the same.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    orders: &'static [u32],
    mark: usize,
}

impl Shape {
    /// What suits Linux.
    ///
    /// With pages of 4K, blocks of 64K, 1M, 2M, 16M and 128M: what hardware has as leaves, what
    /// the page allocator hands out, and a whole memory section on x86-64, arm64 and RISC-V.
    pub const LINUX: Self = Self::new(&[0, 4, 8, 9, 12, 15], 3);

    /// What suits Linux where pages are larger than 4K.
    ///
    /// A memory section has 8192 of them on arm64, and a block that is larger than a section has no
    /// word, so there is nothing to be found around a page that large.
    pub const LARGE_PAGES: Self = Self::new(&[0, 4, 8, 9, 12], 3);

    /// Blocks of `1 << order` pages for each of the orders. Those of the size with index `mark`
    /// tell whether they have been touched below.
    ///
    /// # Panics
    ///
    /// If the first order is not 0, if they do not rise, or if there is no room for the words of
    /// all levels in the smallest block. To be called in constants.
    pub const fn new(orders: &'static [u32], mark: usize) -> Self {
        assert!(!orders.is_empty() && orders[0] == 0);
        assert!(mark > 0 && mark < orders.len());
        let mut level = 1;
        while level < orders.len() {
            assert!(orders[level - 1] < orders[level]);
            level += 1;
        }
        // One word per level above the page.
        assert!(orders.len() - 1 <= 1 << orders[1]);
        Self { orders, mark }
    }

    /// Levels, that of the page included.
    #[inline]
    pub(super) const fn levels(self) -> usize {
        self.orders.len()
    }

    /// The base-2 logarithm of the number of pages in a block. A page for a level that is not.
    #[inline]
    pub(super) fn order(self, level: usize) -> u32 {
        self.orders.get(level).copied().unwrap_or(0)
    }

    /// The base-2 logarithm of the number of pages in the largest blocks.
    pub const fn largest(self) -> u32 {
        self.orders[self.orders.len() - 1]
    }

    /// The level of the largest blocks.
    #[inline]
    pub(super) const fn top(self) -> usize {
        self.orders.len() - 1
    }

    /// The level of the largest blocks of no more than `1 << order` pages.
    #[inline]
    pub(super) fn level_within(self, order: u32) -> usize {
        let smaller = self.orders.iter().skip(1).filter(|one| **one <= order);
        smaller.count()
    }

    /// The level of the blocks that tell whether a smaller block in them has been touched.
    #[inline]
    pub(super) const fn mark(self) -> usize {
        self.mark
    }
}
