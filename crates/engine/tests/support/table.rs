//! An IOMMU page table with leaves of several sizes, and the core code that calls its driver.

use std::collections::BTreeMap;

use dmasan_engine::{Granule, PendingUnmap, PhysAddr, Run, Unit};

/// What a driver does about an address without a translation in the middle of an unmap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gaps {
    /// It stops. So do nearly all of them.
    Stop,
    /// It goes on behind the gap and returns the bytes that it removed, as virtio-iommu does.
    Skip,
}

/// One translation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leaf {
    pub(crate) iova: u64,
    pub(crate) phys: u64,
    pub(crate) size: u64,
}

impl Leaf {
    fn last(&self) -> u64 {
        self.iova + (self.size - 1)
    }
}

impl From<&Leaf> for Run {
    /// The memory that the leaf points at.
    fn from(leaf: &Leaf) -> Self {
        Self::new(PhysAddr(leaf.phys), leaf.size).expect("leaves are not empty")
    }
}

/// The translations of one domain.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pgsize_bitmap: u64,
    pub(crate) gaps: Gaps,
    /// All leaves by their IOVAs.
    pub(crate) leaves: BTreeMap<u64, Leaf>,
}

impl Table {
    pub(crate) fn new(pgsize_bitmap: u64, gaps: Gaps) -> Self {
        Self {
            pgsize_bitmap,
            gaps,
            leaves: BTreeMap::new(),
        }
    }

    pub(crate) fn granule(&self) -> Granule {
        Granule::from_bitmap(self.pgsize_bitmap).expect("a table has page sizes")
    }

    /// Maps `len` bytes with leaves as large as they can be.
    pub(crate) fn map(&mut self, iova: u64, phys: u64, len: u64) {
        let mut done = 0;
        while done < len {
            let (iova, phys) = (iova.wrapping_add(done), phys + done);
            let size = self.largest(iova | phys, len - done);
            self.leaves.insert(iova, Leaf { iova, phys, size });
            done += size;
        }
    }

    /// Physical address behind `iova`; 0 if there is none, as drivers answer.
    pub(crate) fn translate(&self, iova: u64) -> u64 {
        match self.leaves.range(..=iova).next_back() {
            Some((_, leaf)) if iova <= leaf.last() => leaf.phys + (iova - leaf.iova),
            _ => 0,
        }
    }

    /// The driver's unmap: whole leaves from `iova` on, and how many bytes of IOVA that were.
    fn unmap_pages(&mut self, iova: u64, unit: Unit) -> u64 {
        let len = unit.pgsize * unit.count;
        let mut at = iova;
        let mut removed = 0;
        while at.wrapping_sub(iova) < len {
            if let Some(leaf) = self.leaves.remove(&at) {
                removed += leaf.size;
                at = at.wrapping_add(leaf.size);
            } else if self.gaps == Gaps::Skip && self.translate(at) == 0 {
                at = at.wrapping_add(self.granule().bytes());
            } else {
                // A gap, or the middle of a leaf.
                break;
            }
            if at == 0 {
                break;
            }
        }
        removed
    }

    /// The core's unmap through a driver that cannot tell what it unmapped. Returns its length.
    pub(crate) fn unmap(&mut self, iova: u64, len: u64, mut gone: impl FnMut(Run)) -> u64 {
        let mut unmapped = 0;
        while unmapped < len {
            let iova = iova.wrapping_add(unmapped);
            let unit = self.unit(iova, len - unmapped);
            let mut pending = PendingUnmap::new();
            let planned = pending.plan(iova, unit, self.pgsize_bitmap, self.granule(), |iova| {
                self.translate(iova)
            });
            if self.is_of_pages() {
                self.assert_cut_is_harmless(iova, unit, planned);
            }
            let removed = self.unmap_pages(iova, planned);
            let translate = |iova| self.translate(iova);
            let removed = pending.settle(iova, removed, self.granule(), translate, &mut gone);
            if removed == 0 {
                break;
            }
            unmapped += removed;
        }
        unmapped
    }

    /// Whether all leaves are such as a page table has.
    fn is_of_pages(&self) -> bool {
        let is_page = |leaf: &Leaf| self.largest(leaf.iova | leaf.phys, leaf.size) == leaf.size;
        self.leaves.values().all(is_page)
    }

    /// A unit that was cut down is not empty, no longer than it was, and ends between two leaves.
    fn assert_cut_is_harmless(&self, iova: u64, unit: Unit, planned: Unit) {
        assert!(planned.count > 0, "{unit:?} became {planned:?}");
        assert!(self.pgsize_bitmap & planned.pgsize != 0, "{planned:?}");
        let len = planned.pgsize * planned.count;
        if planned != unit {
            assert!(
                len < unit.pgsize * unit.count,
                "{unit:?} became {planned:?}"
            );
            let end = iova.wrapping_add(len);
            let before = self.leaves.range(..end).next_back();
            assert!(
                before.is_none_or(|(_, leaf)| leaf.last() < end),
                "{planned:?} at {iova:#x} cuts a leaf"
            );
        }
    }

    /// The largest page that addresses with these low bits and a length allow.
    fn largest(&self, addresses: u64, len: u64) -> u64 {
        let fits = (0..u64::BITS)
            .map(|bit| 1u64 << bit)
            .filter(|size| self.pgsize_bitmap & size != 0)
            .filter(|size| *size <= len && addresses % size == 0);
        fits.max().expect("addresses are granule-aligned")
    }

    /// The pages that the core asks for in one call: the largest, up to where a larger one fits.
    fn unit(&self, iova: u64, len: u64) -> Unit {
        let pgsize = self.largest(iova, len);
        let larger = self.pgsize_bitmap & !(pgsize | (pgsize - 1));
        let mut bytes = len;
        if larger != 0 {
            let larger = 1u64 << larger.trailing_zeros();
            let offset = larger - iova % larger;
            if offset.checked_add(larger).is_some_and(|end| end <= len) {
                bytes = offset;
            }
        }
        Unit {
            pgsize,
            count: bytes / pgsize,
        }
    }
}
