// SPDX-License-Identifier: GPL-2.0-only

//! Domains that several threads use at the same time.

use kernel::prelude::*;

use super::Domain;

/// Domains that several threads use, each in a range of IOVAs of its own.
pub(crate) struct SharedDomains(KVec<Domain>);

// SAFETY: `iommu_map()` and `iommu_unmap()` may be called from any thread, for ranges of a domain
// that do not overlap. The modules give each thread its own range, by its number.
unsafe impl Sync for SharedDomains {}

impl SharedDomains {
    /// Takes domains that are new.
    pub(crate) fn new(domains: KVec<Domain>) -> Self {
        Self(domains)
    }

    /// The domain with this index, modulo their count.
    pub(crate) fn get(&self, index: usize) -> &Domain {
        &self.0[index % self.0.len()]
    }
}
