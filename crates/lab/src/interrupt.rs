// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Stopping everything that the lab has started, from a signal handler's thread.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{kill_process_group, Pid, Signal};

use crate::LabError;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
/// Process groups that are alive: a group is removed before its leader is reaped, so that a
/// reused number is never killed.
static GROUPS: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// Kills every process that the lab has started. Calls under way, and all later ones, return
/// [`LabError::Interrupted`] after they have removed their temporary files.
///
/// Meant for the handler of Ctrl-C, as a crate like `ctrlc` runs it on a thread.
pub fn interrupt() {
    // SeqCst: pairs with the check in `register`, which is made after the group was entered.
    INTERRUPTED.store(true, Ordering::SeqCst);
    for group in groups().iter() {
        kill(*group);
    }
}

/// An error if [`interrupt`] has been called.
pub(crate) fn check() -> Result<(), LabError> {
    if INTERRUPTED.load(Ordering::SeqCst) {
        Err(LabError::Interrupted)
    } else {
        Ok(())
    }
}

/// A new process group is alive; it is killed at once if that was asked for meanwhile.
pub(crate) fn register(group: u32) {
    let group = group.cast_signed();
    groups().insert(group);
    if check().is_err() {
        kill(group);
    }
}

/// Runs `reap` with the group taken off the list, so that nobody kills its number afterwards.
pub(crate) fn reap<T>(group: u32, reap: impl FnOnce() -> T) -> T {
    let mut groups = groups();
    groups.remove(&group.cast_signed());
    reap()
}

/// Kills one registered group; nothing happens if it is no longer registered.
pub(crate) fn kill_registered(group: u32) {
    let groups = groups();
    if groups.contains(&group.cast_signed()) {
        kill(group.cast_signed());
    }
}

fn kill(group: i32) {
    if let Some(pid) = Pid::from_raw(group) {
        // An error means that the group is gone already.
        let _ = kill_process_group(pid, Signal::KILL);
    }
}

fn groups() -> MutexGuard<'static, BTreeSet<i32>> {
    // A set of numbers is whole even after a panic elsewhere.
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner)
}
