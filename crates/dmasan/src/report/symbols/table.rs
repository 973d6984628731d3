// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The functions of a file, by name and length.

use std::cell::OnceCell;
use std::collections::HashMap;

use dmasan_report::Frame;
use object::{Object, ObjectSymbol, SymbolKind};

use super::layout::Layout;

/// Padding between two functions that the kernel counts to the first and the linker does not.
const MOST_PADDING: u64 = 64;

/// All functions of a file.
#[derive(Debug)]
pub(super) struct Table {
    functions: Vec<Function>,
    names: HashMap<String, Vec<usize>>,
    /// Readable names of functions in Rust, for logs that somebody has demangled.
    readable: OnceCell<HashMap<String, Vec<usize>>>,
}

/// A function of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Function {
    /// Where it begins.
    pub(super) address: u64,
    /// Its length as the linker knows it, in bytes; 0 if it does not.
    size: u64,
    /// How far it is to the next symbol, which is its length for the kernel.
    reach: Option<u64>,
}

/// How well a function and a frame go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Exact,
    Padded,
    No,
}

/// What the table says about a frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// There is no function of that name.
    Nothing,
    /// There is one of that name, but of another length.
    WrongLength(Function),
    /// There are such functions; more than one, if nothing tells them apart.
    Functions(Vec<Function>),
}

impl Table {
    pub(super) fn new<'data>(file: &impl Object<'data>, layout: &Layout) -> Self {
        let mut places: Vec<(Option<object::SectionIndex>, u64)> = Vec::new();
        let mut found: Vec<(String, Option<object::SectionIndex>, Function)> = Vec::new();
        for symbol in file.symbols() {
            let (Ok(name), Some(section)) = (symbol.name(), symbol.section_index()) else {
                continue;
            };
            // Neither are marks of the assembler and the architecture symbols to the kernel.
            if name.is_empty() || name.starts_with(['.', '$']) || is_section(&symbol) {
                continue;
            }
            let address = layout.address(&symbol);
            let section = Some(section);
            places.push((section, address));
            if matches!(
                symbol.kind(),
                SymbolKind::Text | SymbolKind::Unknown | SymbolKind::Label
            ) {
                // The kernel leaves out what link-time optimization adds.
                let name = name.split_once(".llvm.").map_or(name, |(name, _)| name);
                let function = Function {
                    address,
                    size: symbol.size(),
                    reach: None,
                };
                found.push((name.to_owned(), section, function));
            }
        }
        places.sort_unstable_by_key(|(_, address)| *address);
        let mut table = Self {
            functions: Vec::with_capacity(found.len()),
            names: HashMap::new(),
            readable: OnceCell::new(),
        };
        for (name, section, mut function) in found {
            let after = places.partition_point(|(_, address)| *address <= function.address);
            // How the kernel lays out the sections of a module is not known here.
            let next = places.get(after).filter(|(its, _)| *its == section);
            function.reach = next.map(|(_, address)| address - function.address);
            table
                .names
                .entry(name)
                .or_default()
                .push(table.functions.len());
            table.functions.push(function);
        }
        table
    }

    /// Whether the file has been stripped of its functions.
    pub(super) fn is_empty(&self) -> bool {
        self.functions.is_empty()
    }

    /// The functions of a name.
    pub(super) fn named(&self, name: &str) -> impl Iterator<Item = Function> + '_ {
        let places = self.names.get(name).into_iter().flatten();
        places.filter_map(|at| self.functions.get(*at).copied())
    }

    /// The functions that a frame may be in.
    pub(super) fn find(&self, frame: &Frame) -> Found {
        let mut candidates: Vec<Function> = self.named(frame.symbol()).collect();
        if candidates.is_empty() {
            let places = self.readable().get(&frame.function);
            let places = places.into_iter().flatten();
            candidates.extend(places.filter_map(|at| self.functions.get(*at)));
        }
        // Aliases are one function.
        candidates.sort_unstable_by_key(|function| function.address);
        candidates.dedup_by_key(|function| function.address);
        let Some(best) = candidates.iter().map(|f| f.fit(frame.length)).min() else {
            return Found::Nothing;
        };
        if best == Fit::No {
            return Found::WrongLength(candidates[0]);
        }
        candidates.retain(|function| function.fit(frame.length) == best);
        Found::Functions(candidates)
    }

    fn readable(&self) -> &HashMap<String, Vec<usize>> {
        self.readable.get_or_init(|| {
            let mut readable: HashMap<String, Vec<usize>> = HashMap::new();
            for (name, places) in &self.names {
                if let Ok(name) = rustc_demangle::try_demangle(name) {
                    let name = format!("{name:#}");
                    readable.entry(name).or_default().extend(places);
                }
            }
            readable
        })
    }
}

impl Function {
    /// Its length, as far as that is known.
    pub(super) fn length(&self) -> u64 {
        self.reach.unwrap_or(self.size)
    }

    fn fit(&self, length: u64) -> Fit {
        if self.reach == Some(length) || self.size == length {
            return Fit::Exact;
        }
        let padding = length.checked_sub(self.size).filter(|_| self.size != 0);
        match padding {
            Some(padding) if padding < MOST_PADDING || self.reach.is_none() => Fit::Padded,
            _ => Fit::No,
        }
    }
}

fn is_section<'data>(symbol: &impl ObjectSymbol<'data>) -> bool {
    matches!(symbol.kind(), SymbolKind::Section | SymbolKind::File)
}
