// SPDX-License-Identifier: GPL-2.0-only

//! One thread: a driver that does not know what it wants.

use kernel::{
    page::PAGE_SIZE,
    prelude::*,
    time::{
        Delta,
        Instant,
        Monotonic, //
    },
};

use crate::{
    block::{
        map_somehow,
        Block,
        Mapping,
        LARGEST_ORDER,
        SLOT, //
    },
    random::Random,
    scene::Scene,
    support::{
        yield_now,
        Domain,
        Iova, //
    },
    unmapping::{
        unmap_all,
        unmap_some, //
    },
};

/// Domains that a thread has for itself, besides the shared ones.
const OWN: usize = 2;

/// Domains of a thread at most: first its own, then the shared ones.
const DOMAINS: usize = OWN + Scene::MOST;

/// Mappings of a thread in a domain at most.
const SLOTS: usize = u64::BITS as usize;

/// Blocks that a thread holds at most.
const BLOCKS: usize = 8;

/// IOVA space of one thread; twice what its slots need.
const WINDOW: usize = 2 * SLOTS * SLOT;

/// One thread's view of the scene.
pub(crate) struct Actor<'a> {
    scene: &'a Scene,
    random: Random,
    /// Where its IOVAs begin, in every domain.
    window: Iova,
    own: KVec<Domain>,
    /// Slots in use, a bit for each, by domain.
    slots: [u64; DOMAINS],
    blocks: KVec<Block>,
}

impl<'a> Actor<'a> {
    /// The thread with this number.
    pub(crate) fn new(scene: &'a Scene, seed: u64, index: usize) -> Result<Self> {
        let mut random = Random::new(seed, index);
        let mut own = KVec::with_capacity(OWN, GFP_KERNEL)?;
        for _ in 0..OWN {
            own.push_within_capacity(any_domain(scene, &mut random)?)?;
        }
        Ok(Self {
            scene,
            random,
            window: Iova(WINDOW * (1 + index)),
            own,
            slots: [0; DOMAINS],
            blocks: KVec::with_capacity(BLOCKS, GFP_KERNEL)?,
        })
    }

    /// Acts for that long, then unmaps and frees everything.
    pub(crate) fn act(mut self, millis: u32) -> Result {
        let begin = Instant::<Monotonic>::now();
        let time = Delta::from_millis(i64::from(millis));
        while begin.elapsed() < time {
            self.step()?;
            yield_now();
        }
        while let Some(block) = self.blocks.pop() {
            self.retire(block)?;
        }
        Ok(())
    }

    fn step(&mut self) -> Result {
        if self.blocks.is_empty() || self.blocks.len() < BLOCKS && self.random.one_in(3) {
            return self.begin_block();
        }
        let index = self.random.below(self.blocks.len());
        match self.random.below(8) {
            0..3 => self.map_more(index),
            3..5 => {
                self.unmap_one(index);
                Ok(())
            }
            5..7 => self.unmap_one_whole(index),
            _ => {
                let block = self.blocks.remove(index).map_err(|_| EINVAL)?;
                self.retire(block)?;
                self.renew_domain()
            }
        }
    }

    /// Allocates a block and maps it.
    fn begin_block(&mut self) -> Result {
        // CAST: A small number.
        let order = self.random.below(LARGEST_ORDER as usize + 1) as u32;
        let Some(pages) = self.scene.allocate(order) else {
            return Ok(());
        };
        self.scene.tally.blocks.up();
        self.blocks.push_within_capacity(Block {
            pages,
            mappings: KVec::new(),
        })?;
        self.map_more(self.blocks.len() - 1)
    }

    /// Maps a block once more.
    fn map_more(&mut self, index: usize) -> Result {
        let domain = self.random.below(OWN + self.scene.len());
        let Some(slot) = self.take_slot(domain) else {
            return Ok(());
        };
        let place = self.place(slot);
        let block = &mut self.blocks[index];
        block.mappings.reserve(1, GFP_KERNEL)?;
        let device = device(&self.own, self.scene, domain);
        let (iova, bytes) = map_somehow(&mut self.random, self.scene, device, place, block)?;
        if bytes == 0 {
            self.slots[domain] &= !(1 << slot);
            return Ok(());
        }
        block.mappings.push_within_capacity(Mapping {
            domain,
            slot,
            iova,
            bytes,
        })?;
        Ok(())
    }

    /// Takes some of one mapping of a block away.
    fn unmap_one(&mut self, index: usize) {
        let block = &self.blocks[index];
        let which = self.random.below(block.mappings.len());
        if let Some(mapping) = block.mappings.get(which) {
            let device = device(&self.own, self.scene, mapping.domain);
            unmap_some(&mut self.random, &self.scene.tally, device, mapping);
        }
    }

    /// Takes one mapping of a block away.
    fn unmap_one_whole(&mut self, index: usize) -> Result {
        let which = self.random.below(self.blocks[index].mappings.len());
        match self.blocks[index].mappings.remove(which) {
            Ok(mapping) => self.end_mapping(&mapping),
            // There was none.
            Err(_) => Ok(()),
        }
    }

    fn end_mapping(&mut self, mapping: &Mapping) -> Result {
        let device = device(&self.own, self.scene, mapping.domain);
        unmap_all(&mut self.random, &self.scene.tally, device, mapping)?;
        self.slots[mapping.domain] &= !(1 << mapping.slot);
        Ok(())
    }

    /// Takes all mappings of a block away, then frees it; in that order, unless wrong is asked for.
    fn retire(&mut self, mut block: Block) -> Result {
        while let Some(mapping) = block.mappings.pop() {
            self.end_mapping(&mapping)?;
        }
        match self.scene.wrong() {
            Some(n) if self.random.one_in(n) => self.free_wrongly(block),
            _ => self.free(block),
        }
    }

    /// Frees a block as a whole, or its pages one by one.
    fn free(&mut self, block: Block) -> Result {
        if self.random.one_in(4) {
            drop(block.pages.split()?);
        }
        Ok(())
    }

    /// Frees a block of which one page is mapped.
    fn free_wrongly(&mut self, block: Block) -> Result {
        let domain = self.random.below(OWN + self.scene.len());
        let Some(slot) = self.take_slot(domain) else {
            return self.free(block);
        };
        let place = self.place(slot);
        let index = self.random.below(block.count());
        device(&self.own, self.scene, domain).map(place, block.pages.phys_of(index), PAGE_SIZE)?;

        let scene = self.scene;
        let guard = scene.hold_allocation();
        pr_info!("wrong pfn {}\n", block.pages.pfns_of(index..index + 1));
        scene.tally.wrong.up();
        self.free(block)?;
        device(&self.own, self.scene, domain).unmap_exactly(place, PAGE_SIZE)?;
        drop(guard);

        self.slots[domain] &= !(1 << slot);
        Ok(())
    }

    /// Now and then, a domain in which nothing is mapped gives way to another.
    fn renew_domain(&mut self) -> Result {
        let index = self.random.below(OWN);
        if self.slots[index] == 0 {
            self.own[index] = any_domain(self.scene, &mut self.random)?;
            self.scene.tally.domains.up();
        }
        Ok(())
    }

    fn take_slot(&mut self, domain: usize) -> Option<usize> {
        let slot = self.slots[domain].trailing_ones();
        if slot == u64::BITS {
            return None;
        }
        self.slots[domain] |= 1 << slot;
        // CAST: Less than 64.
        Some(slot as usize)
    }

    fn place(&self, slot: usize) -> Iova {
        self.window + slot * SLOT
    }
}

/// A domain by the index that a thread has for it.
fn device<'a>(own: &'a KVec<Domain>, scene: &'a Scene, index: usize) -> &'a Domain {
    match own.get(index) {
        Some(domain) => domain,
        None => scene.domains.get(index - OWN),
    }
}

fn any_domain(scene: &Scene, random: &mut Random) -> Result<Domain> {
    Domain::new(scene.formats[random.below(scene.formats.len())])
}
