// SPDX-License-Identifier: GPL-2.0-only

//! Who is running, where and when.

use kernel::{
    bindings,
    cpu::CpuId,
    fmt,
    prelude::fmt,
    task::Task, //
};

/// A task, a processor and a time.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    /// Nanoseconds, on the clock of the kernel log. 0: never.
    pub(crate) time: u64,
    /// The task that was running; in an interrupt, the one that was interrupted.
    pub(crate) pid: u32,
    pub(crate) cpu: u16,
}

impl Moment {
    /// Now.
    pub(crate) fn now() -> Self {
        let task = Task::current_raw();
        Self {
            // SAFETY: No requirements.
            time: unsafe { bindings::iommu_debug_clock() }.max(1),
            // SAFETY: The current task exists, and its number does not change.
            // CAST: Numbers of tasks are not negative.
            pid: unsafe { (*task).pid } as u32,
            // CAST: Linux has no more than 8192 processors. The number is for people.
            cpu: CpuId::current().as_u32() as u16,
        }
    }

    /// Nanoseconds between this and a later moment.
    pub(crate) fn age(self, now: Moment) -> u64 {
        now.time.saturating_sub(self.time)
    }
}

/// A moment as a report tells of it.
pub(crate) struct Told {
    pub(crate) moment: Moment,
    pub(crate) comm: Comm,
    /// The moment of the report, if that is another one.
    pub(crate) now: Option<Moment>,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Moment { time, pid, cpu } = self.moment;
        let comm = &self.comm;
        f.write_fmt(fmt!("{comm}/{pid} on CPU {cpu} at {}s", Seconds(time)))?;
        match self.now {
            Some(now) => f.write_fmt(fmt!(", {}s ago", Seconds(self.moment.age(now)))),
            None => Ok(()),
        }
    }
}

/// Nanoseconds as seconds, in the form of the kernel log.
pub(crate) struct Seconds(pub(crate) u64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NANOS: u64 = 1_000_000_000;
        f.write_fmt(fmt!("{}.{:06}", self.0 / NANOS, self.0 % NANOS / 1000))
    }
}

/// The name of a task.
#[derive(Clone, Copy)]
pub(crate) struct Comm([u8; Comm::LEN]);

impl Comm {
    // CAST: A small constant.
    const LEN: usize = bindings::TASK_COMM_LEN as usize;
    /// Words that a name takes.
    pub(crate) const WORDS: usize = Self::LEN / size_of::<usize>();

    /// That of the current task.
    pub(crate) fn current() -> Self {
        // SAFETY: The current task exists. Whoever renames it meanwhile leaves letters of one of
        // the two names.
        let comm = unsafe { (*Task::current_raw()).comm };
        Self(comm)
    }

    pub(crate) fn words(self) -> [usize; Self::WORDS] {
        let mut words = [0; Self::WORDS];
        for (word, bytes) in words.iter_mut().zip(self.0.chunks(size_of::<usize>())) {
            for byte in bytes.iter().rev() {
                *word = *word << 8 | usize::from(*byte);
            }
        }
        words
    }

    pub(crate) fn from_words(words: &[usize]) -> Self {
        let mut comm = [0; Self::LEN];
        for (bytes, word) in comm.chunks_mut(size_of::<usize>()).zip(words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        Self(comm)
    }
}

impl fmt::Display for Comm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        letters(&self.0, f)
    }
}

/// Writes letters up to the first null; what could break a line or a parser is a question mark.
pub(crate) fn letters(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for byte in bytes.iter().take_while(|byte| **byte != 0) {
        let letter = if byte.is_ascii_graphic() { *byte } else { b'?' };
        f.write_fmt(fmt!("{}", char::from(letter)))?;
    }
    Ok(())
}
