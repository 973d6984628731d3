//! What maintainers would check before anything else: rustfmt, clippy and checkpatch, each the kernel's own.

use std::path::Path;

use anyhow::{ensure, Result};
use dmasan_lab::{Implementation, Kernel, Lab, RootCommand};

use super::guest;
use crate::tally::Tally;

/// Files whose modules are all of our kernel code in Rust.
const RUST: &str = "rust/kernel/page_ext.rs drivers/iommu/dmasan/iommu_debug_pagealloc.rs";

/// The same of our modules out of the tree.
const MODULES: &str = "zoo/zoo_main.rs modules/bench/bench_main.rs modules/stress/stress_main.rs modules/edu/edu_main.rs";

/// Not looked at: what is left to those who send a series or maintain a tree (a sign-off, who maintains a file), and where
/// an export stands: functions in Rust can only be exported from C.
const CHECKPATCH: &str = "scripts/checkpatch.pl --terse --no-summary --show-types --strict \
    --ignore MISSING_SIGN_OFF,FILE_PATH_CHANGES,NO_AUTHOR_SIGN_OFF,EXPORT_SYMBOL";

pub(super) fn check() -> Result<Tally> {
    let lab = guest::lab()?;
    let kernel = guest::kernel(&lab, Implementation::Rust)?;
    let mut tally = Tally::default();

    let checkout = crate::command::root();
    script(
        &mut tally,
        &lab,
        &kernel,
        &[],
        "rustfmt, kernel code",
        &format!("rustfmt --check {RUST}"),
    )?;
    script(
        &mut tally,
        &lab,
        &kernel,
        &[(&checkout, "/mnt")],
        "rustfmt, modules",
        &format!("cd /mnt && rustfmt --check --config-path /src/.rustfmt.toml {MODULES}"),
    )?;

    let series = tempfile::tempdir()?;
    dmasan_lab::series::write(series.path())?;
    script(
        &mut tally,
        &lab,
        &kernel,
        &[(series.path(), "/series")],
        "checkpatch",
        &format!("perl {CHECKPATCH} /series/*.patch"),
    )?;

    // Clippy compiles everything in Rust anew, so it does that aside, in a copy.
    script(
        &mut tally,
        &lab,
        &kernel,
        &[],
        "clippy, kernel code",
        "rm -rf /tmp/clippy && cp -a --reflink=auto /out /tmp/clippy && \
         make -s -j$(nproc) -C /src O=/tmp/clippy ARCH=um LLVM=1 CLIPPY=1 drivers/iommu/dmasan/ >/tmp/clippy.log 2>&1; \
         status=$?; rm -rf /tmp/clippy; \
         grep -A12 -E '^(warning|error).*' /tmp/clippy.log | grep -B3 -A9 -E 'dmasan|page_ext' && exit 1; exit $status",
    )?;
    Ok(tally)
}

/// One test: the script succeeds in the kernel's tree. What it says is shown if it does not.
fn script(
    tally: &mut Tally,
    lab: &Lab,
    kernel: &Kernel,
    more: &[(&Path, &str)],
    name: &str,
    script: &str,
) -> Result<()> {
    let mut binds = vec![
        (kernel.tree.clone(), "/src".to_owned()),
        (kernel.build_dir.clone(), "/out".to_owned()),
    ];
    binds.extend(
        more.iter()
            .map(|(host, guest)| (host.to_path_buf(), (*guest).to_owned())),
    );
    let mut said = Vec::new();
    let status = lab.in_build_root(
        &RootCommand {
            binds,
            cwd: "/src".to_owned(),
            argv: ["sh", "-c", script].map(str::to_owned).to_vec(),
        },
        &mut |line| said.push(line.to_owned()),
    )?;
    ensure!(status.is_some(), "{name}: ended by a signal");
    if status != Some(0) {
        println!("{}", said.join("\n"));
    }
    tally.check(name, status == Some(0));
    Ok(())
}
