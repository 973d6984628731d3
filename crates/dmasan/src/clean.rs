// SPDX-License-Identifier: Apache-2.0 OR MIT

//! `dmasan clean`: disk space back.

use anyhow::Context;
use dmasan_lab::CleanWhat;

use crate::cli::{CleanArgs, Cli};
use crate::exit::Exit;
use crate::setup;
use crate::table::size;

pub(crate) fn run(cli: &Cli, args: &CleanArgs) -> anyhow::Result<Exit> {
    let (lab, _ui) = setup::lab(cli)?;
    let what = if args.all {
        CleanWhat::All
    } else {
        CleanWhat::Builds
    };
    let report = lab.clean(what).context("cannot clean the cache")?;
    if args.json {
        setup::print_json(&serde_json::json!({
            "freed_bytes": report.freed(),
            "removed": report.removed,
        }))?;
        return Ok(Exit::Good);
    }
    for (path, bytes) in &report.removed {
        setup::print(&format!("{:>9}  {}", size(*bytes), path.display()))?;
    }
    setup::print(&format!("{:>9}  freed in all", size(report.freed())))?;
    if !args.all {
        setup::print("The compilers and kernel sources stay; --all removes them too.")?;
    }
    Ok(Exit::Good)
}
