// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Running commands inside a root.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::Root;
use crate::namespace;

/// Mounts what is given, then runs the rest of the arguments inside:
/// `root (host guest)* -- folder command...`.
const SCRIPT: &str = r#"
set -e
root=$1
shift
# In a container /proc may not be mounted anew; then the outer one does.
mount -t proc proc "$root/proc" 2>/dev/null || mount --rbind /proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/tmp"
while [ "$1" != -- ]; do
    [ -e "$root$2" ] || mkdir -p "$root$2"
    mount --bind "$1" "$root$2"
    shift 2
done
shift
exec chroot "$root" sh -c 'cd "$0" && exec "$@"' "$@"
"#;

/// A folder of the machine as seen in a root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bind {
    pub(crate) host: PathBuf,
    /// An absolute path.
    pub(crate) guest: String,
}

impl Bind {
    pub(crate) fn new(host: &Path, guest: impl Into<String>) -> Bind {
        Bind {
            host: host.to_owned(),
            guest: guest.into(),
        }
    }
}

impl Root {
    /// A command that runs `argv` in the folder `cwd` of the root, with nothing of the
    /// environment and the given folders mounted. It leaves neither processes nor mounts behind.
    pub(crate) fn command(&self, binds: &[Bind], cwd: &str, argv: &[&str]) -> Command {
        let mut command = namespace::enter();
        command.args(["sh", "-c", SCRIPT, "sh"]).arg(&self.dir);
        for bind in binds {
            command.arg(&bind.host).arg(&bind.guest);
        }
        command.arg("--").arg(cwd).args(argv);
        command.env_clear().envs(ENVIRONMENT.iter().copied());
        command
    }
}

/// The same everywhere, so that a build is too.
pub(crate) const ENVIRONMENT: &[(&str, &str)] = &[
    ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
    ("HOME", "/tmp"),
    ("LC_ALL", "C.UTF-8"),
    ("KBUILD_BUILD_USER", "dmasan"),
    ("KBUILD_BUILD_HOST", "dmasan"),
    // A fixed time: the version string would otherwise change with every build.
    ("KBUILD_BUILD_TIMESTAMP", "Thu Jan  1 00:00:00 UTC 1970"),
];
