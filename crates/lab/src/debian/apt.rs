// SPDX-License-Identifier: Apache-2.0 OR MIT

//! A package list and downloads of our own, beside the machine's apt.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{derive_mirror, proxy_settings, BACKPORTS, KEYRING};
use crate::cache::Cache;
use crate::files;
use crate::process::{answer, tethered, Job};
use crate::{LabError, Step};

/// An apt that knows one suite of one mirror.
pub(crate) struct Apt {
    config: PathBuf,
    log: PathBuf,
}

/// A package as the mirror's signed list describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Available {
    pub(crate) package: String,
    pub(crate) version: String,
    /// Of the package file, in bytes.
    pub(crate) size: u64,
    /// Of the package file, in hexadecimal.
    pub(crate) sha256: String,
}

impl Apt {
    /// Sets up an apt for the suite that has the kernel source.
    pub(crate) fn open(cache: &Cache) -> Result<Apt, LabError> {
        let dir = cache.path("apt");
        for folder in [
            "etc/apt/apt.conf.d",
            "etc/apt/preferences.d",
            "etc/apt/sources.list.d",
            "state/lists/partial",
            "cache/archives/partial",
        ] {
            files::create_dir(&dir.join(folder))?;
        }
        files::write_if_changed(&dir.join("state/status"), b"")?;
        let mirror = derive_mirror()?;
        let sources = format!("deb [signed-by={KEYRING}] {mirror} {BACKPORTS} main\n");
        files::write_if_changed(&dir.join("etc/apt/sources.list"), sources.as_bytes())?;
        let config = dir.join("apt.conf");
        files::write_if_changed(&config, configuration(&dir).as_bytes())?;
        Ok(Apt {
            config,
            log: cache.new_log("apt")?,
        })
    }

    /// Fetches the package list.
    pub(crate) fn update(&self, step: &mut dyn Step) -> Result<(), LabError> {
        let mut command = self.command("apt-get");
        // Without this, apt reports success where a list could not be fetched.
        command.args(["-q", "-o", "APT::Update::Error-Mode=any", "update"]);
        step.message("package list");
        self.run("the package list", command, 50, &mut |line| {
            step.message(line)
        })
    }

    /// The newest version of a package; `None` if the suite does not have it.
    pub(crate) fn newest(&self, package: &str) -> Option<Available> {
        let text = answer(
            self.command("apt-cache")
                .args(["--no-all-versions", "show", package]),
        )?;
        parse_stanza(&text)
    }

    /// The packages whose name begins so.
    pub(crate) fn names(&self, prefix: &str) -> Vec<String> {
        let text = answer(self.command("apt-cache").args(["pkgnames", prefix])).unwrap_or_default();
        let mut names: Vec<String> = text.lines().map(str::to_owned).collect();
        names.sort();
        names
    }

    /// Fetches a package into the folder `into`; apt checks it against the signed list.
    pub(crate) fn download(
        &self,
        wanted: &Available,
        into: &Path,
        step: &mut dyn Step,
    ) -> Result<PathBuf, LabError> {
        let mut command = self.command("apt-get");
        command
            .args(["-q", "-o", "APT::Status-Fd=1", "download"])
            .arg(format!("{}={}", wanted.package, wanted.version))
            .current_dir(into);
        step.set_total(wanted.size >> 20);
        let what = format!("{} {}", wanted.package, wanted.version);
        self.run(&what, command, (wanted.size >> 20) + 1, &mut |line| {
            if let Some(percent) = percentage(line) {
                step.advance_to((percent / 100.0 * (wanted.size >> 20) as f64) as u64);
            }
        })?;
        fs::read_dir(into)
            .map_err(LabError::io("list", into))?
            .flatten()
            .map(|entry| entry.path())
            .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
            .ok_or_else(|| LabError::Download {
                what,
                detail: "apt-get left no package".to_owned(),
            })
    }

    fn command(&self, program: &str) -> Command {
        let mut command = tethered(program);
        command.env("APT_CONFIG", &self.config).env("LC_ALL", "C");
        command
    }

    fn run(
        &self,
        what: &str,
        command: Command,
        needs_mib: u64,
        on_line: &mut dyn FnMut(&str),
    ) -> Result<(), LabError> {
        Job {
            what,
            command,
            log: &self.log,
            needs_mib,
        }
        .run(on_line)
        .map_err(|error| match error {
            LabError::Failed { lines, .. } => LabError::Download {
                what: what.to_owned(),
                detail: lines.join("; "),
            },
            other => other,
        })
    }
}

fn configuration(dir: &Path) -> String {
    let mut text = format!(
        "\
Dir \"{dir}\";
Dir::Etc \"etc/apt\";
Dir::State \"state\";
Dir::State::status \"{dir}/state/status\";
Dir::Cache \"cache\";
// The downloading user of apt may not enter this folder.
APT::Sandbox::User \"root\";
Acquire::Languages \"none\";
Acquire::Retries \"3\";
",
        dir = dir.display()
    );
    for line in proxy_settings() {
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// The first stanza of a package list.
fn parse_stanza(text: &str) -> Option<Available> {
    let field = |name: &str| {
        text.lines()
            .take_while(|line| !line.is_empty())
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
            .map(str::to_owned)
    };
    Some(Available {
        package: field("Package")?,
        version: field("Version")?,
        size: field("Size")?.parse().ok()?,
        sha256: field("SHA256")?,
    })
}

/// The percentage in a line of apt's status, `dlstatus:1:37.5:Retrieving file 1 of 1`.
fn percentage(line: &str) -> Option<f64> {
    line.strip_prefix("dlstatus:")?
        .split(':')
        .nth(1)?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stanza_is_read_and_the_next_one_is_not() {
        let text =
            "Package: linux-source-7.3\nVersion: 7.3.4-1\nSize: 12\nSHA256: ab\n\nPackage: x\n";
        let found = parse_stanza(text).unwrap();
        assert_eq!((found.version.as_str(), found.size), ("7.3.4-1", 12));
        assert_eq!(parse_stanza("Package: x\n\nVersion: 1\n"), None);
    }

    #[test]
    fn apts_progress_is_read() {
        assert_eq!(
            percentage("dlstatus:1:37.5:Retrieving file 1 of 1 (2s remaining)"),
            Some(37.5)
        );
        assert_eq!(percentage("Get:1 somewhere"), None);
    }
}
