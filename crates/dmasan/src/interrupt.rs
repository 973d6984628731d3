// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Ctrl-C, SIGTERM and SIGHUP.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;

use crate::exit::Exit;

/// Makes the first signal stop the lab, whose calls then return, clean up and end the program;
/// the second one ends it at once.
pub(crate) fn install() -> anyhow::Result<()> {
    let again = AtomicBool::new(false);
    ctrlc::set_handler(move || {
        dmasan_lab::interrupt();
        // Relaxed: only this handler's thread looks at it.
        if again.swap(true, Ordering::Relaxed) {
            std::process::exit(Exit::Interrupted.code().into());
        }
    })
    .context("cannot listen for Ctrl-C")
}
