// SPDX-License-Identifier: GPL-2.0-only

//! What is measured, in which order, and what is printed of it.

use kernel::{
    io::PhysAddr,
    page::PAGE_SIZE,
    prelude::*,
    sizes::{
        SZ_128M,
        SZ_16M,
        SZ_1G,
        SZ_1M,
        SZ_2M,
        SZ_4K,
        SZ_64K, //
    },
};

use crate::{
    allocation::Allocation,
    case::{
        Case,
        Kind,
        Share, //
    },
    clock::{
        self,
        Overhead, //
    },
    mapping::{
        Layout,
        Mapping, //
    },
    measure::{
        measure,
        Effort, //
    },
    samples::Samples,
    support::{
        self,
        Domain,
        Format,
        Iova,
        Region,
        SharedDomains, //
    },
};

/// The bits of the parameter `sizes`, from the lowest on.
const SIZES: [usize; 7] = [SZ_4K, SZ_64K, SZ_1M, SZ_2M, SZ_16M, SZ_128M, SZ_1G];

/// Orders of the page allocator: a page, a large leaf of most formats, the largest block.
const ORDERS: [u32; 3] = [0, 9, 10];

/// The first IOVA. Aligned to every size, and not so low that a table is all zeroes.
const BASE: usize = 4 * SZ_1G;

/// What the module parameters ask for.
pub(crate) struct Plan {
    format: Format,
    kinds: u32,
    sizes: u32,
    shares: u32,
    effort: Effort,
}

impl Plan {
    /// Makes sense of the parameters.
    ///
    /// Fails with [`EINVAL`], and says why in the log, if one of them is out of range.
    pub(crate) fn from_parameters(
        format: i32,
        kinds: u32,
        sizes: u32,
        threads: u32,
        shares: u32,
        millis: u32,
        pause: u32,
    ) -> Result<Self> {
        let format = Format::from_index(format).ok_or_else(|| {
            pr_err!("there is no format {}\n", format);
            EINVAL
        })?;
        // CAST: A number of processors.
        let threads = threads as usize;
        if threads == 0 || threads > support::processors() {
            pr_err!(
                "threads={}: there are {} processors\n",
                threads,
                support::processors()
            );
            return Err(EINVAL);
        }
        Ok(Self {
            format,
            kinds,
            sizes,
            shares,
            effort: Effort {
                threads,
                millis,
                pause: u64::from(pause),
            },
        })
    }

    /// Measures all that was asked for. A case that cannot be measured says so in the log; the
    /// next one follows.
    ///
    /// Fails with [`ENOMEM`] if there is not enough contiguous memory.
    pub(crate) fn run(&self) -> Result {
        let clock = Overhead::measure();
        let threads = self.effort.threads;
        // Counts of neighbouring pages share a cache line, and threads are not to meet by accident.
        let largest = self.sizes().fold(SZ_2M, usize::max);
        let region = Region::new(largest * threads.next_power_of_two()).inspect_err(|_| {
            pr_err!("no contiguous memory of {} bytes a thread\n", largest);
        })?;
        pr_info!(
            "begin unit={} clock={} memory={:#x} threads={}\n",
            clock::UNIT,
            clock.0,
            region.phys(),
            threads
        );

        let mut lines = 0;
        for kind in chosen(&Kind::ALL, self.kinds) {
            if kind == Kind::Pages {
                for order in ORDERS {
                    lines += self.allocate(order, clock);
                }
                continue;
            }
            for bytes in self.sizes() {
                // A range of one page has no other leaves, and no neighbours.
                if bytes == PAGE_SIZE && kind != Kind::Large {
                    continue;
                }
                if threads == 1 {
                    lines += self.map(&region, kind, Share::None, bytes, clock);
                } else if kind != Kind::Scattered {
                    for share in chosen(&Share::ALL, self.shares) {
                        lines += self.map(&region, kind, share, bytes, clock);
                    }
                }
            }
        }
        pr_info!("end lines={}\n", lines);
        Ok(())
    }

    fn sizes(&self) -> impl Iterator<Item = usize> {
        chosen(&SIZES, self.sizes)
    }

    /// Measures the page allocator. Returns how many lines it has printed.
    fn allocate(&self, order: u32, clock: Overhead) -> u32 {
        let threads = self.effort.threads;
        let case = Case {
            format: None,
            kind: Kind::Pages,
            share: Share::None,
            bytes: PAGE_SIZE << order,
            threads,
        };
        let pause = self.effort.pause;
        let costs = measure(self.effort, |_| {
            Ok(Allocation {
                order,
                clock,
                pause,
            })
        });
        case.print(["alloc", "free"], costs)
    }

    /// Measures mappings. Returns how many lines it has printed.
    fn map(&self, region: &Region, kind: Kind, share: Share, bytes: usize, clock: Overhead) -> u32 {
        let case = Case {
            format: Some(self.format),
            kind,
            share,
            bytes,
            threads: self.effort.threads,
        };
        case.print(["map", "unmap"], self.mapped(region, case, clock))
    }

    fn mapped(&self, region: &Region, case: Case, clock: Overhead) -> Result<(Samples, Samples)> {
        let count = match case.share {
            Share::Domain => 1,
            Share::None | Share::Pages => case.threads,
        };
        let mut domains = KVec::with_capacity(count, GFP_KERNEL)?;
        for _ in 0..count {
            domains.push_within_capacity(Domain::new(self.format)?)?;
        }
        let domains = SharedDomains::new(domains);
        let all = &domains;
        let (begin, whole) = (region.phys(), region.bytes());
        let scattered = Layout::scattered(region);
        let pause = self.effort.pause;

        measure(self.effort, move |index| {
            let part = match case.share {
                Share::Pages => 0,
                Share::None | Share::Domain => whole / case.threads.next_power_of_two() * index,
            };
            // CAST: An offset within memory.
            let phys = begin + part as PhysAddr;
            let (layout, offset) = match case.kind {
                Kind::Scattered => (scattered, 0),
                Kind::Small => (Layout::Contiguous(phys), PAGE_SIZE),
                Kind::Large | Kind::Pages => (Layout::Contiguous(phys), 0),
            };
            Ok(Mapping {
                domain: all.get(index),
                iova: Iova(BASE * (1 + index) + offset),
                bytes: case.bytes,
                layout,
                clock,
                pause,
            })
        })
    }
}

/// The items whose bits are set.
fn chosen<T: Copy>(all: &'static [T], bits: u32) -> impl Iterator<Item = T> {
    all.iter()
        .enumerate()
        .filter(move |(index, _)| bits >> index & 1 == 1)
        .map(|(_, item)| *item)
}
