// SPDX-License-Identifier: Apache-2.0 OR MIT

//! `dmasan build`: the kernel, and nothing more.

use std::path::PathBuf;

use dmasan_lab::{Implementation, Kernel, MachineKind, SourceInfo};
use serde::Serialize;

use crate::cli::{BuildArgs, Cli};
use crate::exit::Exit;
use crate::setup;

#[derive(Debug, Serialize)]
struct Output {
    kernels: Vec<Built>,
}

#[derive(Debug, Serialize)]
struct Built {
    machine: MachineKind,
    #[serde(rename = "impl")]
    implementation: Implementation,
    kernel: String,
    source: SourceInfo,
    image: PathBuf,
    build_dir: PathBuf,
    tree: PathBuf,
}

impl From<Kernel> for Built {
    fn from(kernel: Kernel) -> Self {
        Self {
            machine: kernel.machine,
            implementation: kernel.implementation,
            kernel: kernel.release,
            source: kernel.source,
            image: kernel.image,
            build_dir: kernel.build_dir,
            tree: kernel.tree,
        }
    }
}

pub(crate) fn run(cli: &Cli, args: &BuildArgs) -> anyhow::Result<Exit> {
    let (lab, _ui) = setup::lab(cli)?;
    let mut kernels: Vec<Built> = Vec::new();
    for sanitizer in &args.sanitizers {
        let kernel = setup::kernel(&lab, &args.kernel, (*sanitizer).into())?;
        kernels.push(kernel.into());
    }
    if args.json {
        setup::print_json(&Output { kernels })?;
        return Ok(Exit::Good);
    }
    for built in &kernels {
        setup::print(&format!(
            "Linux {} for {}, {} sanitizer\n  image   {}\n  build   {}\n  source  {}",
            built.kernel,
            built.machine,
            built.implementation,
            built.image.display(),
            built.build_dir.display(),
            built.tree.display()
        ))?;
    }
    Ok(Exit::Good)
}
