//! What is left of the sanitizer in the kernel's hot functions while it is built in and off.
//!
//! Every use of its static key is an entry in the kernel's jump table. While the key is off, what stands at the
//! entry's address decides: a nop, and the function goes on as if nothing were there; a jump, and every call of the
//! function pays for it. The table tells all of them, which a search in a disassembly would not.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{bail, ensure, Context, Result};
use dmasan_lab::{Implementation, KernelRequest, MachineKind};
use object::{Object, ObjectSection, ObjectSymbol, SymbolKind};

use crate::steps::guest;
use crate::tally::Tally;

const KEY: &str = "iommu_debug_initialized";
/// Two bits of an entry's key say which way the branch is likely to go.
const FLAGS: u64 = 3;
/// An entry: two relative addresses of 4 bytes, and one of 8.
const ENTRY: usize = 16;
/// The nops that the kernel puts there, of two bytes and of five.
const NOPS: [&[u8]; 2] = [&[0x66, 0x90], &[0x0f, 0x1f, 0x44, 0x00, 0x00]];

/// The uses of the key in one function.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Uses {
    nops: usize,
    jumps: usize,
}

/// Builds kernels with both implementations and compares them.
pub(crate) fn compare() -> Result<Tally> {
    let lab = guest::lab()?;
    let mut kernels = Vec::new();
    for implementation in [Implementation::C, Implementation::Rust] {
        println!("building the kernel with the sanitizer in {implementation}, if need be");
        let kernel = lab.kernel(&KernelRequest::new(MachineKind::X86Vtd, implementation))?;
        let image = kernel.build_dir.join("vmlinux");
        let uses = uses(&image).with_context(|| format!("cannot read {}", image.display()))?;
        ensure!(!uses.is_empty(), "no use of {KEY} in {}", image.display());
        kernels.push(uses);
    }
    let [c, rust] = &kernels[..] else {
        bail!("two kernels were built");
    };
    let mut tally = Tally::default();
    print!("{}", table(c, rust));
    for (name, kernel) in [("C", c), ("Rust", rust)] {
        let jumps: usize = kernel.values().map(|uses| uses.jumps).sum();
        tally.check(&format!("{name}: every use is a nop"), jumps == 0);
    }
    // Maps and unmaps have more to tell than in C, and more nops; the page allocator, which runs all the time, must not.
    let page_allocator = |function: &&String| !function.contains("iommu_");
    for (function, there) in c.iter().filter(|(function, _)| page_allocator(function)) {
        let here = rust.get(function).copied().unwrap_or_default();
        tally.check(
            &format!("{function}: no more nops than with the implementation in C"),
            here.nops <= there.nops,
        );
    }
    Ok(tally)
}

/// One line for each function of either kernel.
fn table(c: &BTreeMap<String, Uses>, rust: &BTreeMap<String, Uses>) -> String {
    let mut text = format!("{:<40} {:>8} {:>8}\n", "nops in", "C", "Rust");
    let mut functions: Vec<&String> = c.keys().chain(rust.keys()).collect();
    functions.sort();
    functions.dedup();
    let shown = |kernel: &BTreeMap<String, Uses>, function: &String| {
        let uses = kernel.get(function).copied().unwrap_or_default();
        match (uses.nops, uses.jumps) {
            (0, 0) => "-".to_owned(),
            (nops, 0) => nops.to_string(),
            (nops, jumps) => format!("{nops}+{jumps}j"),
        }
    };
    for function in functions {
        text.push_str(&format!(
            "{function:<40} {:>8} {:>8}\n",
            shown(c, function),
            shown(rust, function)
        ));
    }
    text
}

/// The uses of the key in a kernel, by the functions that they are in.
fn uses(image: &Path) -> Result<BTreeMap<String, Uses>> {
    let bytes = fs::read(image)?;
    let file = object::File::parse(&*bytes)?;
    let symbol = |name: &str| {
        let found = file.symbols().find(|symbol| symbol.name() == Ok(name));
        found
            .map(|symbol| symbol.address())
            .with_context(|| format!("there is no {name}"))
    };
    let key = symbol(KEY)?;
    let (start, stop) = (
        symbol("__start___jump_table")?,
        symbol("__stop___jump_table")?,
    );
    let length = stop.checked_sub(start).context("a table without end")?;
    let read = |address: u64, length: u64| {
        file.sections()
            .find_map(|section| section.data_range(address, length).ok()?)
            .with_context(|| format!("nothing at {address:#x}"))
    };
    let functions: BTreeMap<u64, (u64, String)> = file
        .symbols()
        .filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.size() > 0)
        .filter_map(|symbol| {
            let name = symbol.name().ok()?.to_owned();
            Some((symbol.address(), (symbol.size(), name)))
        })
        .collect();

    let mut uses: BTreeMap<String, Uses> = BTreeMap::new();
    for (code, _) in entries(start, read(start, length)?)
        .into_iter()
        .filter(|(_, of)| *of == key)
    {
        let function = functions
            .range(..=code)
            .next_back()
            .filter(|(begin, (size, _))| code - *begin < *size)
            .map_or("?", |(_, (_, name))| name);
        let uses = uses.entry(function.to_owned()).or_default();
        if is_nop(read(code, 5)?) {
            uses.nops += 1;
        } else {
            uses.jumps += 1;
        }
    }
    Ok(uses)
}

/// The entries of a jump table at `start`: where the code is, and where the key.
fn entries(start: u64, table: &[u8]) -> Vec<(u64, u64)> {
    table
        .chunks_exact(ENTRY)
        .zip((start..).step_by(ENTRY))
        .filter_map(|(entry, at)| {
            let code = i32::from_le_bytes(entry.get(..4)?.try_into().ok()?);
            let key = i64::from_le_bytes(entry.get(8..)?.try_into().ok()?);
            let key = (at + 8).wrapping_add_signed(key) & !FLAGS;
            Some((at.wrapping_add_signed(i64::from(code)), key))
        })
        .collect()
}

fn is_nop(code: &[u8]) -> bool {
    NOPS.iter().any(|nop| code.starts_with(nop))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_relative_to_themselves() {
        let mut entry = Vec::new();
        entry.extend((-0x10_i32).to_le_bytes());
        entry.extend(0_i32.to_le_bytes());
        entry.extend((0x101_i64 - 8).to_le_bytes());
        let table = [entry.clone(), entry].concat();
        assert_eq!(entries(0x1000, &table), [(0xff0, 0x1100), (0x1000, 0x1110)]);
    }

    #[test]
    fn a_jump_is_no_nop() {
        assert!(is_nop(&[0x66, 0x90, 0xcc, 0xcc, 0xcc]));
        assert!(is_nop(&[0x0f, 0x1f, 0x44, 0x00, 0x00]));
        assert!(!is_nop(&[0xeb, 0x10, 0x0f, 0x1f, 0x44]));
    }
}
