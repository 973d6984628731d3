// SPDX-License-Identifier: GPL-2.0-only

//! What is remembered of a block of pages: who mapped it last, and who unmapped it last.

use super::slot::{Slot, Words};
use crate::{
    moment::Moment,
    stack::Stack, //
};
use kernel::transmute::FromBytes;

/// A map or an unmap.
#[derive(Clone, Copy)]
pub(crate) struct Event {
    /// Where in the code, unless there was no memory to keep it.
    pub(crate) stack: Option<Stack>,
    /// Who and when.
    pub(crate) moment: Moment,
    /// The size of the block, as its level.
    pub(crate) level: u8,
}

impl Event {
    /// None so far.
    pub(crate) const NEVER: Self = Self {
        stack: None,
        moment: Moment {
            time: 0,
            pid: 0,
            cpu: 0,
        },
        level: 0,
    };
}

/// A map.
#[derive(Clone, Copy)]
pub(crate) struct Made {
    pub(crate) event: Event,
    /// Where the map began.
    pub(crate) iova: u64,
    /// Its length.
    pub(crate) bytes: u64,
    /// The domain, as the table of domains numbers them.
    pub(crate) domain: u32,
}

/// The latest map and the latest unmap.
#[derive(Clone, Copy)]
pub(crate) struct Record {
    pub(crate) made: Made,
    pub(crate) gone: Event,
}

/// A place for a record: a cache line.
#[repr(transparent)]
pub(crate) struct Kept(Slot<7>);

// SAFETY: Integers, of which any bit pattern is a value, and no interior mutability but that of
// atomics, which is fine as entries are only ever read as shared.
unsafe impl FromBytes for Kept {}

impl Kept {
    /// What is kept. `None` while it is being written, for longer than a moment.
    pub(crate) fn read(&self) -> Option<Record> {
        self.0.read_patiently().map(unpack)
    }

    /// Changes what is kept. Returns false if somebody else is at it.
    pub(crate) fn update(&self, change: impl FnOnce(&mut Record)) -> bool {
        self.0.update(|words| {
            let mut record = unpack(*words);
            change(&mut record);
            *words = pack(&record);
        })
    }
}

fn pack(record: &Record) -> Words<7> {
    let Record { made, gone } = record;
    let stack = |event: &Event| event.stack.map_or(0, Stack::number);
    let who = |event: &Event| {
        u64::from(event.moment.pid)
            | u64::from(event.moment.cpu) << 32
            | u64::from(event.level) << 48
    };
    Words {
        tag: stack(&made.event),
        words: [
            made.event.moment.time,
            who(&made.event),
            made.iova,
            made.bytes,
            u64::from(made.domain) | u64::from(stack(gone)) << 32,
            gone.moment.time,
            who(gone),
        ],
    }
}

fn unpack(words: Words<7>) -> Record {
    let [made_time, made_who, iova, bytes, domain, gone_time, gone_who] = words.words;
    // CAST: Each takes out what `pack` has put there.
    let event = |stack: u32, time: u64, who: u64| Event {
        stack: Stack::from_number(stack),
        moment: Moment {
            time,
            pid: who as u32,
            cpu: (who >> 32) as u16,
        },
        level: (who >> 48) as u8,
    };
    Record {
        made: Made {
            event: event(words.tag, made_time, made_who),
            iova,
            bytes,
            domain: domain as u32,
        },
        gone: event((domain >> 32) as u32, gone_time, gone_who),
    }
}
