// SPDX-License-Identifier: GPL-2.0-only

//! Mapping and unmapping a range.

use kernel::{
    io::PhysAddr,
    page::{
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*, //
};

use crate::{
    clock::{
        self,
        Overhead, //
    },
    measure::Pair,
    support::{
        Domain,
        Iova,
        Region, //
    },
};

/// How the memory lies behind the IOVAs.
#[derive(Clone, Copy)]
pub(crate) enum Layout {
    /// Contiguous from this address on.
    Contiguous(PhysAddr),
    /// 4K pages of the region from this address on, of which no two neighbours are contiguous.
    /// `pages` is their number in the whole region, a power of two.
    Scattered { first: PhysAddr, pages: usize },
}

impl Layout {
    /// All of the region, scattered.
    pub(crate) fn scattered(region: &Region) -> Self {
        Self::Scattered {
            first: region.phys(),
            pages: region.bytes() >> PAGE_SHIFT,
        }
    }
}

/// A range of a domain, mapped as a whole (scattered: page by page), and unmapped as a whole.
pub(crate) struct Mapping<'a> {
    pub(crate) domain: &'a Domain,
    pub(crate) iova: Iova,
    pub(crate) bytes: usize,
    pub(crate) layout: Layout,
    pub(crate) clock: Overhead,
    /// How long it stays mapped, and stays unmapped, in units of the clock.
    pub(crate) pause: u64,
}

impl Mapping<'_> {
    fn map(&self) -> Result {
        match self.layout {
            Layout::Contiguous(phys) => self.domain.map(self.iova, phys, self.bytes),
            Layout::Scattered { first, pages } => {
                for index in 0..self.bytes >> PAGE_SHIFT {
                    // CAST: An index below the number of pages.
                    let page = scatter(index, pages) as PhysAddr;
                    let iova = self.iova + (index << PAGE_SHIFT);
                    self.domain
                        .map(iova, first + (page << PAGE_SHIFT), PAGE_SIZE)?;
                }
                Ok(())
            }
        }
    }
}

impl Pair for Mapping<'_> {
    fn once(&mut self) -> Result<(u64, u64)> {
        let begin = clock::now();
        self.map()?;
        let mapped = clock::now();
        let again = mapped.after(self.pause);
        let unmapped = self.domain.unmap(self.iova, self.bytes);
        let end = clock::now();
        end.after(self.pause);
        if unmapped != self.bytes {
            return Err(EIO);
        }
        Ok((
            begin.until(mapped, self.clock),
            again.until(end, self.clock),
        ))
    }
}

/// The page that comes at this place: a permutation of `0..pages`, a power of two.
///
/// Neighbours are a bit over a third of all pages apart, so they share neither a cache line of
/// the page tables' counts nor a larger block.
fn scatter(index: usize, pages: usize) -> usize {
    // Odd, hence prime to a power of two, hence each page comes once.
    let stride = (pages / 8 * 3) | 1;
    index.wrapping_mul(stride) & (pages - 1)
}
