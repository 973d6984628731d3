// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What several sub-commands begin with.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use dmasan_lab::{Implementation, Kernel, KernelRequest, Lab};
use serde::Serialize;

use crate::cli::{Cli, Machine};
use crate::ui::Ui;

/// Words of the guest's command line that switch the sanitizer on, and the page owner, which
/// tells where a page was allocated.
pub(crate) const SANITIZER_ON: [&str; 2] = ["iommu.debug_pagealloc=1", "page_owner=on"];

/// Opens the lab; its progress goes to standard error.
pub(crate) fn lab(cli: &Cli) -> anyhow::Result<(Lab, Arc<Ui>)> {
    let ui = Arc::new(Ui::new());
    let lab = Lab::open(cli.cache.clone(), ui.clone()).context("cannot open the cache")?;
    Ok((lab, ui))
}

/// Gets a kernel without settings of its own.
pub(crate) fn kernel(
    lab: &Lab,
    machine: Machine,
    implementation: Implementation,
    linux: Option<&Path>,
) -> anyhow::Result<Kernel> {
    let request = KernelRequest {
        linux: linux.map(PathBuf::from),
        ..KernelRequest::new(machine.into(), implementation)
    };
    lab.kernel(&request)
        .with_context(|| format!("cannot build the kernel with the {implementation} sanitizer"))
}

/// Writes text to standard output.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}").context("cannot write to standard output")
}

/// Writes one JSON object to standard output.
pub(crate) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    print(&serde_json::to_string_pretty(value).context("cannot write JSON")?)
}
