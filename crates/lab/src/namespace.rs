// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Being root in a namespace: what the build root needs, for root and for ordinary users alike.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::process::{find_program, tethered};
use crate::LabError;

/// Whether the process runs as root.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A command that runs as root, or as an ordinary user's own "root", with mounts and processes of
/// its own: they all go when it ends or is killed. The caller adds the program.
pub(crate) fn enter() -> Command {
    let mut command = tethered("unshare");
    if !is_root() {
        command.args(MAPPED);
    }
    command.args(["--mount", "--pid", "--fork", "--kill-child", "--"]);
    command
}

/// The user is root inside, and owns a range of other users as `/etc/subuid` says.
const MAPPED: [&str; 3] = ["--user", "--map-root-user", "--map-auto"];

/// An error that says what to do if this user cannot enter a namespace.
pub(crate) fn require() -> Result<(), LabError> {
    for tool in ["unshare", "setpriv"] {
        require_tool(tool, "util-linux")?;
    }
    if is_root() {
        return Ok(());
    }
    require_tool("newuidmap", "uidmap")?;
    let output = Command::new("unshare")
        .args(MAPPED)
        .arg("true")
        .stdin(Stdio::null())
        .output()
        .map_err(LabError::io("start", "unshare".as_ref()))?;
    if output.status.success() {
        return Ok(());
    }
    let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(LabError::UserNamespaces {
        fix: fix(&why).to_owned(),
        why,
    })
}

fn fix(why: &str) -> &'static str {
    if why.contains("subuid")
        || why.contains("subgid")
        || why.contains("uid_map")
        || why.contains("newuidmap")
    {
        "an administrator can give this user a range of ids: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER"
    } else {
        "an administrator can allow user namespaces: sysctl user.max_user_namespaces=10000 kernel.unprivileged_userns_clone=1"
    }
}

fn require_tool(tool: &str, package: &str) -> Result<(), LabError> {
    if find_program(tool).is_some() {
        return Ok(());
    }
    Err(LabError::MissingTool {
        tool: tool.to_owned(),
        fix: install_command(package),
    })
}

/// The command that installs a Debian package.
pub(crate) fn install_command(package: &str) -> String {
    let sudo = if is_root() { "" } else { "sudo " };
    format!("{sudo}apt-get install {package}")
}

/// Removes a file or a folder with all in it, also what a build root's other users own.
pub(crate) fn remove_all(path: &Path) -> Result<(), LabError> {
    let removed = match path.symlink_metadata() {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied && !is_root() => {
            let status = Command::new("unshare")
                .args(MAPPED)
                .args(["rm", "-rf", "--one-file-system", "--"])
                .arg(path)
                .stdin(Stdio::null())
                .stderr(Stdio::null())
                .status();
            match status {
                Ok(status) if status.success() => Ok(()),
                _ => Err(LabError::io("remove", path)(error)),
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(LabError::io("remove", path)(error)),
        Ok(()) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        remove_all(&dir.path().join("no")).unwrap();
        fs::create_dir_all(dir.path().join("a/b")).unwrap();
        remove_all(&dir.path().join("a")).unwrap();
        assert!(!dir.path().join("a").exists());
    }

    #[test]
    fn the_advice_follows_the_cause() {
        assert!(fix("unshare: failed to find subuid range").contains("usermod"));
        assert!(fix("unshare: unshare failed: Operation not permitted").contains("sysctl"));
    }
}
