// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What several sub-commands begin with.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use dmasan_lab::{Implementation, Kernel, KernelRequest, Lab};
use serde::Serialize;

use crate::cli::{Cli, KernelArgs};
use crate::ui::Ui;

/// Words of the guest's command line that switch the sanitizer on, with all that reports can tell:
/// who has mapped a page (the kernel's own implementation has no such switch), and who has
/// allocated it.
pub(crate) fn sanitizer_on(implementation: Implementation) -> &'static [&'static str] {
    match implementation {
        Implementation::Rust => &[
            "iommu.debug_pagealloc=1",
            "iommu.debug_pagealloc.origins=1",
            "page_owner=on",
        ],
        Implementation::C => &["iommu.debug_pagealloc=1", "page_owner=on"],
    }
}

/// Opens the lab; its progress goes to standard error.
pub(crate) fn lab(cli: &Cli) -> anyhow::Result<(Lab, Arc<Ui>)> {
    let ui = Arc::new(Ui::new());
    let lab = Lab::open(cli.cache.clone(), ui.clone()).context("cannot open the cache")?;
    Ok((lab, ui))
}

/// Gets the kernel that the user asks for.
pub(crate) fn kernel(
    lab: &Lab,
    args: &KernelArgs,
    implementation: Implementation,
) -> anyhow::Result<Kernel> {
    let request = KernelRequest {
        linux: args.linux.clone(),
        fragments: fragments(&args.configs)?,
        ..KernelRequest::new(args.machine, implementation)
    };
    lab.kernel(&request)
        .with_context(|| format!("cannot build the kernel with the {implementation} sanitizer"))
}

/// Names and texts of Kconfig fragments.
fn fragments(files: &[PathBuf]) -> anyhow::Result<Vec<(String, String)>> {
    let read = |file: &PathBuf| {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        Ok((file.display().to_string(), text))
    };
    files.iter().map(read).collect()
}

/// Writes text to standard output.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}").context("cannot write to standard output")
}

/// Writes text with colours, which are for a terminal only, to standard output.
pub(crate) fn print_styled(text: &str) -> anyhow::Result<()> {
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes())
        .context("cannot write to standard output")
}

/// Writes one JSON object to standard output.
pub(crate) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    print(&serde_json::to_string_pretty(value).context("cannot write JSON")?)
}
