// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The sizes that are measured.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A size in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Size(pub(crate) u64);

/// The bits of the module's parameter `sizes`, from the lowest on.
pub(super) const SIZES: [Size; 7] = [
    Size(4 << 10),
    Size(64 << 10),
    Size(1 << 20),
    Size(2 << 20),
    Size(16 << 20),
    Size(128 << 20),
    Size(1 << 30),
];

impl Size {
    /// 4K pages in it.
    pub(super) fn pages(self) -> u64 {
        self.0 >> 12
    }

    /// The value of the module's parameter for some sizes.
    pub(super) fn mask(sizes: &[Size]) -> u32 {
        let bit = |size: &Size| SIZES.iter().position(|one| one == size);
        sizes
            .iter()
            .filter_map(bit)
            .fold(0, |mask, at| mask | 1 << at)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes if bytes.is_multiple_of(1 << 30) => write!(f, "{}G", bytes >> 30),
            bytes if bytes.is_multiple_of(1 << 20) => write!(f, "{}M", bytes >> 20),
            bytes => write!(f, "{}K", bytes >> 10),
        }
    }
}

impl FromStr for Size {
    type Err = String;

    /// One of the sizes that the module knows, as it is displayed.
    fn from_str(text: &str) -> Result<Self, String> {
        SIZES
            .into_iter()
            .find(|size| size.to_string().eq_ignore_ascii_case(text))
            .ok_or_else(|| {
                let known = SIZES.map(|size| size.to_string());
                format!("the sizes are {}", known.join(", "))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_read_as_it_is_displayed() {
        for size in SIZES {
            assert_eq!(size.to_string().parse(), Ok(size));
        }
        assert_eq!("2m".parse(), Ok(Size(2 << 20)));
        assert!("3M".parse::<Size>().is_err());
    }

    #[test]
    fn the_mask_has_a_bit_for_each_size() {
        assert_eq!(Size::mask(&SIZES), 0x7f);
        assert_eq!(Size::mask(&[Size(4 << 10), Size(1 << 30)]), 0x41);
    }
}
