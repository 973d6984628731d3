// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Which mirror: the one that the machine's own apt uses.

use std::process::Command;

use crate::process::answer;
use crate::LabError;

/// Names a mirror by hand.
const VARIABLE: &str = "DMASAN_MIRROR";

/// The URL of a Debian mirror: from the environment, else from the machine's apt.
pub(crate) fn derive() -> Result<String, LabError> {
    if let Some(mirror) = std::env::var(VARIABLE)
        .ok()
        .filter(|mirror| !mirror.is_empty())
    {
        return Ok(mirror);
    }
    let no_mirror = |why: &str| LabError::NoMirror {
        why: why.to_owned(),
    };
    let mut query = Command::new("apt-get");
    query.args([
        "indextargets",
        "--no-release-info",
        "--format",
        "$(SITE)|$(RELEASE)|$(COMPONENT)",
    ]);
    let targets =
        answer(&mut query).ok_or_else(|| no_mirror("this machine's apt-get does not answer"))?;
    choose(&targets).ok_or_else(|| no_mirror("this machine's apt knows no Debian archive"))
}

/// The first site that carries a whole release (not updates to one) in the layout of the archive.
fn choose(targets: &str) -> Option<String> {
    targets.lines().find_map(|line| {
        let mut fields = line.split('|');
        let (site, release, component) = (fields.next()?, fields.next()?, fields.next()?);
        let site = site.trim_end_matches('/');
        let whole = !release.contains(['-', '/']);
        (whole && component == "main" && site.ends_with("/debian")).then(|| site.to_owned())
    })
}

/// The machine's settings for reaching the network, as lines of an `apt.conf`.
pub(crate) fn proxy_settings() -> Vec<String> {
    let dump = answer(Command::new("apt-config").args(["dump", "Acquire"])).unwrap_or_default();
    dump.lines()
        .filter(|line| is_network_setting(line))
        .map(str::to_owned)
        .collect()
}

fn is_network_setting(line: &str) -> bool {
    let name = line
        .split(' ')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    ["acquire::http::", "acquire::https::", "acquire::forceipv"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_updates_nor_security_nor_strangers_are_chosen() {
        let targets = "\
http://a.example/debian-security|bookworm-security|main
https://tool.example/apt|bookworm|main
http://b.example/debian|bookworm-updates|main
http://b.example/debian/|bookworm|main
";
        assert_eq!(choose(targets).as_deref(), Some("http://b.example/debian"));
        assert_eq!(choose("https://tool.example/apt|bookworm|main\n"), None);
    }

    #[test]
    fn only_network_settings_are_taken_over() {
        assert!(is_network_setting(
            "Acquire::http::Proxy \"http://p.example:3128\";"
        ));
        assert!(!is_network_setting(
            "Acquire::IndexTargets::deb::Packages::MetaKey \"x\";"
        ));
    }
}
