// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The debug information of a file, read section by section and relocated if it is a module's.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::rc::Rc;

use addr2line::Context;
use anyhow::{anyhow, bail};
use gimli::{EndianRcSlice, RunTimeEndian, SectionId};
use object::read::{CompressedData, CompressedFileRange};
use object::{Object, ObjectSection, RelocationKind, RelocationTarget};

use super::layout::Layout;

/// What finds lines by addresses.
pub(super) type Lines = Context<EndianRcSlice<RunTimeEndian>>;

/// What is about variables, macros and looking up names: a third of a kernel's.
const NOT_FOR_LINES: [SectionId; 5] = [
    SectionId::DebugLoc,
    SectionId::DebugLocLists,
    SectionId::DebugMacinfo,
    SectionId::DebugMacro,
    SectionId::DebugNames,
];
/// No section of debug information is larger, whatever a file says.
const LARGEST: u64 = 16 << 30;
/// Nothing can be compressed any better.
const BEST_RATIO: u64 = 2_000;

/// Whether the file has lines.
pub(super) fn is_there<'data>(file: &impl Object<'data>) -> bool {
    file.section_by_name(".debug_info")
        .or_else(|| file.section_by_name(".zdebug_info"))
        .is_some_and(|section| section.size() > 0)
}

/// Reads the debug information of `object`, which is in `file`.
pub(super) fn load<'data>(
    file: &File,
    object: &impl Object<'data>,
    layout: &Layout,
) -> anyhow::Result<Lines> {
    let endian = if object.is_little_endian() {
        RunTimeEndian::Little
    } else {
        RunTimeEndian::Big
    };
    let dwarf = gimli::Dwarf::load(|id: SectionId| -> anyhow::Result<_> {
        let wanted = !NOT_FOR_LINES.contains(&id);
        let data = match object.section_by_name(id.name()).filter(|_| wanted) {
            Some(section) => {
                let mut data = read(file, section.compressed_file_range()?)?;
                relocate(&mut data, object, &section, layout, endian)?;
                data
            }
            None => Vec::new(),
        };
        Ok(EndianRcSlice::new(Rc::from(data), endian))
    })?;
    Ok(Context::from_dwarf(dwarf)?)
}

/// Reads only this part of the file: a kernel with debug information may be larger than memory.
fn read(file: &File, range: CompressedFileRange) -> anyhow::Result<Vec<u8>> {
    let there = file.metadata()?.len().saturating_sub(range.offset);
    let ratio = range.uncompressed_size / range.compressed_size.max(1);
    if range.compressed_size > there || range.uncompressed_size > LARGEST || ratio > BEST_RATIO {
        bail!("the file is damaged or cut off");
    }
    let mut data = vec![0; usize::try_from(range.compressed_size)?];
    file.read_exact_at(&mut data, range.offset)?;
    let compressed = CompressedData {
        format: range.format,
        data: &data,
        uncompressed_size: range.uncompressed_size,
    };
    if range.format == object::CompressionFormat::None {
        return Ok(data);
    }
    Ok(compressed.decompress()?.into_owned())
}

/// Puts into the data what the module loader would.
fn relocate<'data>(
    data: &mut [u8],
    object: &impl Object<'data>,
    section: &impl ObjectSection<'data>,
    layout: &Layout,
    endian: RunTimeEndian,
) -> anyhow::Result<()> {
    if object.kind() != object::ObjectKind::Relocatable {
        return Ok(());
    }
    for (offset, relocation) in section.relocations() {
        let target = match relocation.target() {
            RelocationTarget::Symbol(index) => layout.address(&object.symbol_by_index(index)?),
            RelocationTarget::Section(index) => layout.base(Some(index)),
            _ => 0,
        };
        let value = target.wrapping_add_signed(relocation.addend());
        let bytes = match relocation.size() {
            0 => 0,
            bits => usize::from(bits) / 8,
        };
        let place = usize::try_from(offset)
            .ok()
            .and_then(|at| data.get_mut(at..at.checked_add(bytes)?));
        let Some(place) = place else {
            bail!("a relocation is out of its section");
        };
        match relocation.kind() {
            RelocationKind::None => {}
            RelocationKind::Absolute => {
                let before = if relocation.has_implicit_addend() {
                    number(place, endian)
                } else {
                    0
                };
                store(place, before.wrapping_add(value), endian);
            }
            _ => match riscv(relocation.flags(), object) {
                Some(Sum { bytes, sign }) => {
                    let at = usize::try_from(offset)?;
                    let place = data.get_mut(at..at.saturating_add(bytes));
                    let place =
                        place.ok_or_else(|| anyhow!("a relocation is out of its section"))?;
                    let before = if sign == 0 { 0 } else { number(place, endian) };
                    let change = if sign < 0 {
                        value.wrapping_neg()
                    } else {
                        value
                    };
                    store(place, before.wrapping_add(change), endian);
                }
                None => bail!("its relocations are of a form that is not supported"),
            },
        }
    }
    Ok(())
}

/// A relocation that adds to what is there, subtracts from it, or (sign 0) replaces it.
struct Sum {
    bytes: usize,
    sign: i8,
}

/// RISC-V writes the difference of two places as a sum of relocations.
fn riscv<'data>(flags: object::RelocationFlags, object: &impl Object<'data>) -> Option<Sum> {
    use object::elf;
    let object::RelocationFlags::Elf { r_type, .. } = flags else {
        return None;
    };
    let riscv = matches!(
        object.architecture(),
        object::Architecture::Riscv32 | object::Architecture::Riscv64
    );
    let (bytes, sign) = match r_type {
        _ if !riscv => return None,
        elf::R_RISCV_ADD8 => (1, 1),
        elf::R_RISCV_ADD16 => (2, 1),
        elf::R_RISCV_ADD32 => (4, 1),
        elf::R_RISCV_ADD64 => (8, 1),
        elf::R_RISCV_SUB8 => (1, -1),
        elf::R_RISCV_SUB16 => (2, -1),
        elf::R_RISCV_SUB32 => (4, -1),
        elf::R_RISCV_SUB64 => (8, -1),
        elf::R_RISCV_SET8 => (1, 0),
        elf::R_RISCV_SET16 => (2, 0),
        elf::R_RISCV_SET32 => (4, 0),
        // Of unwinding tables and line advances of six bits, without which lines are still found.
        _ => (0, 0),
    };
    Some(Sum { bytes, sign })
}

fn number(bytes: &[u8], endian: RunTimeEndian) -> u64 {
    let fold = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
    match endian {
        RunTimeEndian::Little => bytes.iter().rev().fold(0, fold),
        RunTimeEndian::Big => bytes.iter().fold(0, fold),
    }
}

fn store(place: &mut [u8], value: u64, endian: RunTimeEndian) {
    let bytes = value.to_le_bytes();
    let length = place.len().min(bytes.len());
    place[..length].copy_from_slice(&bytes[..length]);
    if endian == RunTimeEndian::Big {
        place[..length].reverse();
    }
}
