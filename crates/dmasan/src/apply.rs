// SPDX-License-Identifier: Apache-2.0 OR MIT

//! `dmasan apply`: the sanitizer into a user's tree.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context;
use dmasan_lab::series::{self, Fit};
use dmasan_lab::LabError;

use crate::cli::ApplyArgs;
use crate::exit::Exit;
use crate::setup::print;

pub(crate) fn run(args: &ApplyArgs) -> anyhow::Result<Exit> {
    let tree = &args.linux;
    let fit = if args.check || args.out.is_some() {
        series::check(tree).context("cannot check the tree")?
    } else {
        match series::apply(tree) {
            Ok(fit) => fit,
            Err(LabError::DoesNotFit { fit, .. }) => *fit,
            Err(error) => return Err(error).context("cannot change the tree"),
        }
    };
    print(&fit_text(tree, &fit))?;
    if !fit.fits() {
        print("Nothing was changed.")?;
        return Ok(Exit::Found);
    }
    if let Some(out) = &args.out {
        let names = series::write(out).context("cannot write the series")?;
        print(&series_text(out, &names))?;
    } else if !args.check {
        print(&format!(
            "{} now has the sanitizer. To build it:",
            tree.display()
        ))?;
        print("  switch on IOMMU_DEBUG_PAGEALLOC and choose its Rust implementation (needs RUST)")?;
        print("  boot with iommu.debug_pagealloc=1")?;
    }
    Ok(Exit::Good)
}

/// What fits and what does not, in words.
fn fit_text(tree: &Path, fit: &Fit) -> String {
    let mut text = format!("{} is Linux {}", tree.display(), fit.version);
    if !fit.version.starts_with(&fit.written_for) {
        let _ = write!(text, " (the series is written for {})", fit.written_for);
    }
    if !fit.fits() {
        let _ = write!(text, ": the sanitizer does not fit.");
        for misfit in &fit.misfits {
            let _ = write!(text, "\n  {misfit}");
        }
        return text;
    }
    if fit.exact + fit.moved == 0 && fit.already > 0 {
        let _ = write!(text, " and has the sanitizer's changes already.");
        return text;
    }
    let _ = write!(
        text,
        ": the sanitizer fits ({} hunks as they are",
        fit.exact
    );
    if fit.moved > 0 {
        let _ = write!(text, ", {} at another line", fit.moved);
    }
    if fit.already > 0 {
        let _ = write!(text, ", {} there already", fit.already);
    }
    text.push_str(").");
    text
}

fn series_text(out: &Path, names: &[String]) -> String {
    let list: String = names
        .iter()
        .map(|name| format!("\n  {}", out.join(name).display()))
        .collect();
    format!("Written, for `git am`:{list}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use dmasan_lab::series::{Misfit, Why};

    fn fit() -> Fit {
        Fit {
            version: "7.4.1".to_owned(),
            written_for: "7.3".to_owned(),
            moved: 2,
            already: 0,
            exact: 7,
            misfits: Vec::new(),
        }
    }

    #[test]
    fn a_fit_in_another_release_is_told_in_full() {
        assert_eq!(
            fit_text(Path::new("/t"), &fit()),
            "/t is Linux 7.4.1 (the series is written for 7.3): the sanitizer fits \
             (7 hunks as they are, 2 at another line)."
        );
    }

    #[test]
    fn a_misfit_is_told_by_patch_file_and_hunk() {
        let misfit = Misfit {
            patch: "0002-x.patch".to_owned(),
            file: "mm/page_ext.c".to_owned(),
            hunk: Some((1, "@@ -1,2 +1,3 @@".to_owned())),
            why: Why::ContextNotFound,
        };
        let text = fit_text(
            Path::new("/t"),
            &Fit {
                misfits: vec![misfit],
                ..fit()
            },
        );
        assert!(
            text.contains("does not fit.\n  0002-x.patch: mm/page_ext.c: hunk 1"),
            "{text}"
        );
    }
}
