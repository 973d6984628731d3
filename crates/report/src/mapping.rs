// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Where a translation came from.

use serde::{Deserialize, Serialize};

use crate::stack::Stack;

/// A mapping that a report speaks of; all fields absent where its origin was not recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    /// The first address at which the device sees it.
    pub iova: Option<u64>,
    /// Its length, in bytes.
    pub bytes: Option<u64>,
    /// The domain that it is in.
    pub domain: Option<Domain>,
    /// The first device of the domain, by its name on its bus: `0000:00:03.0`.
    pub device: Option<String>,
    /// How many more devices there are.
    pub more_devices: u64,
    /// The device's driver.
    pub driver: Option<String>,
    /// It has gone: the mapping that is left is not recorded, and this is another one of the same
    /// memory.
    #[serde(default)]
    pub unmapped_since: bool,
    /// Who mapped it.
    pub mapped: Stack,
}

/// An IOMMU domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Domain {
    /// `dma`, `dma-fq`, `unmanaged`, `identity`, `sva`, `blocked`, `other`.
    pub kind: String,
    /// Tells it from others of the same boot.
    pub id: Option<u64>,
}

impl Mapping {
    /// Whether the sanitizer could not tell where it came from.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.iova.is_none() && self.mapped.is_empty()
    }
}
