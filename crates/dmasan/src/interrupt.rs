// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Ctrl-C, SIGTERM and SIGHUP.

use std::time::{Duration, Instant};

use anyhow::Context;

use crate::exit::Exit;

/// Signals closer together than this are one: `timeout`, for one, sends each of its own twice.
const ONE_SIGNAL: Duration = Duration::from_secs(1);

/// Makes the first signal stop the lab, whose calls then return, clean up and end the program;
/// one more ends it at once.
pub(crate) fn install() -> anyhow::Result<()> {
    let mut first: Option<Instant> = None;
    ctrlc::set_handler(move || {
        dmasan_lab::interrupt();
        if first.get_or_insert_with(Instant::now).elapsed() > ONE_SIGNAL {
            std::process::exit(Exit::Interrupted.code().into());
        }
    })
    .context("cannot listen for Ctrl-C")
}
