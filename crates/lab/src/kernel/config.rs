// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The kernel's configuration: fragments, and whether they stuck.

use std::collections::{BTreeMap, BTreeSet};

use super::{Implementation, KernelRequest};
use crate::machine::Machine;
use crate::{assets, LabError};

/// Settings of ours that kernels do without where they cannot be had: where a machine's own compilers
/// do not go together, or on User-Mode Linux without our patch.
const WISHES: [&str; 1] = ["CONFIG_RUST_INLINE_HELPERS"];

/// Wanted settings: symbol (`CONFIG_X`) and value (`y`, `m`, `n`, a number, a quoted string).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    settings: BTreeMap<String, String>,
    /// Of these, those that may be missing in the end.
    wishes: BTreeSet<&'static str>,
}

/// Puts the settings together: the machine's, the implementation's, the request's.
pub(crate) fn compose(
    request: &KernelRequest,
    machine: &dyn Machine,
    stock: bool,
) -> Result<Wanted, LabError> {
    let mut wanted = Wanted::default();
    for config in machine.configs() {
        wanted.add(config, embedded(config)?);
    }
    let implementation = match request.implementation {
        // The stock kernel has nothing to choose from.
        Implementation::C if stock => "stock.config",
        Implementation::C => "c.config",
        Implementation::Rust => "rust.config",
    };
    wanted.add(implementation, embedded(implementation)?);
    wanted.wishes.extend(WISHES);
    for (name, text) in &request.fragments {
        wanted.add(name, text);
        // Who asks for it himself is told if he does not get it.
        let asked: BTreeMap<String, String> = settings(text).collect();
        wanted.wishes.retain(|wish| !asked.contains_key(*wish));
    }
    Ok(wanted)
}

fn embedded(name: &str) -> Result<&'static str, LabError> {
    assets::text(&format!("linux/configs/{name}")).ok_or_else(|| LabError::Io {
        action: "find the embedded configuration",
        path: name.into(),
        source: std::io::ErrorKind::NotFound.into(),
    })
}

impl Wanted {
    fn add(&mut self, _name: &str, text: &str) {
        self.settings.extend(settings(text));
    }

    /// The settings as `KCONFIG_ALLCONFIG` takes them.
    pub(crate) fn text(&self) -> String {
        self.settings
            .iter()
            .map(|(symbol, value)| match value.as_str() {
                "n" => format!("# {symbol} is not set\n"),
                value => format!("{symbol}={value}\n"),
            })
            .collect()
    }

    /// The settings that a finished `.config` does not have, and has to.
    pub(crate) fn missing_in(&self, config: &str) -> Vec<String> {
        let got: BTreeMap<String, String> = settings(config).collect();
        self.settings
            .iter()
            .filter(|(symbol, _)| !self.wishes.contains(symbol.as_str()))
            .filter(|(symbol, value)| {
                // A symbol that does not exist is as good as one that is off.
                got.get(*symbol).map_or("n", String::as_str) != value.as_str()
            })
            .map(|(symbol, value)| format!("{symbol}={value}"))
            .collect()
    }
}

/// The settings in a fragment or a `.config`.
fn settings(text: &str) -> impl Iterator<Item = (String, String)> + '_ {
    text.lines().filter_map(|line| {
        let line = line.trim();
        let unset = line
            .strip_prefix("# ")
            .and_then(|line| line.strip_suffix(" is not set"));
        let (symbol, value) = match unset {
            Some(symbol) => (symbol, "n"),
            None => line.split_once('=')?,
        };
        symbol
            .starts_with("CONFIG_")
            .then(|| (symbol.to_owned(), value.to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::MachineKind;

    fn wanted(text: &str) -> Wanted {
        Wanted {
            settings: settings(text).collect(),
            wishes: BTreeSet::new(),
        }
    }

    #[test]
    fn what_did_not_stick_is_named() {
        let wanted = wanted("# comment\nCONFIG_A=y\nCONFIG_B=m\n# CONFIG_C is not set\nCONFIG_D=n\nCONFIG_E=\"x\"\n");
        let config = "CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_D=y\nCONFIG_E=\"x\"\n";
        assert_eq!(wanted.missing_in(config), ["CONFIG_B=m", "CONFIG_D=n"]);
    }

    #[test]
    fn a_wish_of_ours_need_not_come_true_and_a_users_has_to() {
        const WISH: &str = "CONFIG_RUST_INLINE_HELPERS=y";
        let mut request = KernelRequest::new(MachineKind::Uml, Implementation::Rust);
        let machine = MachineKind::Uml.machine();
        let ours = compose(&request, machine, false).unwrap();
        assert!(ours.text().lines().any(|line| line == WISH));
        let without = ours.text().replace(WISH, "");
        assert_eq!(ours.missing_in(&without), [""; 0]);
        request.fragments.push(("mine".into(), WISH.into()));
        let users = compose(&request, machine, false).unwrap();
        assert_eq!(users.missing_in(&without), [WISH]);
    }

    #[test]
    fn a_later_fragment_wins() {
        let mut request = KernelRequest::new(MachineKind::Uml, Implementation::Rust);
        request
            .fragments
            .push(("mine".into(), "CONFIG_SMP=n\nCONFIG_EXTRA=y\n".into()));
        let machine = MachineKind::Uml.machine();
        let text = compose(&request, machine, false).unwrap().text();
        assert!(
            text.contains("# CONFIG_SMP is not set\n") && text.contains("CONFIG_EXTRA=y\n"),
            "{text}"
        );
        assert!(!text.contains("CONFIG_SMP=y"));
    }

    #[test]
    fn the_implementations_differ_in_one_choice() {
        let text = |implementation| {
            let request = KernelRequest::new(MachineKind::Uml, implementation);
            compose(&request, MachineKind::Uml.machine(), false)
                .unwrap()
                .text()
        };
        assert!(text(Implementation::Rust).contains("CONFIG_IOMMU_DEBUG_PAGEALLOC_RUST=y"));
        assert!(text(Implementation::C).contains("CONFIG_IOMMU_DEBUG_PAGEALLOC_C=y"));
    }
}
