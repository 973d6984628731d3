// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Addresses for the sections of a module, which has none until it is loaded.

use std::collections::HashMap;

use object::{Object, ObjectSection, ObjectSymbol, SectionFlags, SectionIndex};

/// Where sections begin.
#[derive(Debug, Default)]
pub(super) struct Layout(HashMap<SectionIndex, u64>);

impl Layout {
    /// Puts the sections that are loaded one behind the other. Those of a finished kernel, and
    /// debug information, stay where they are.
    pub(super) fn new<'data>(file: &impl Object<'data>) -> Self {
        let mut layout = Self::default();
        if file.kind() != object::ObjectKind::Relocatable {
            return layout;
        }
        // Not zero, which marks what the linker has thrown away.
        let mut next = 0x1_0000_u64;
        for section in file.sections() {
            let SectionFlags::Elf { sh_flags, .. } = section.flags() else {
                continue;
            };
            if sh_flags.0 & object::elf::SHF_ALLOC.0 == 0 {
                continue;
            }
            layout.0.insert(section.index(), next);
            let end = next.saturating_add(section.size());
            next = end.checked_next_multiple_of(4096).unwrap_or(end);
        }
        layout
    }

    /// The address of a section's first byte, added to what the file says.
    pub(super) fn base(&self, section: Option<SectionIndex>) -> u64 {
        section
            .and_then(|index| self.0.get(&index))
            .copied()
            .unwrap_or(0)
    }

    /// The address of a symbol.
    pub(super) fn address<'data>(&self, symbol: &impl ObjectSymbol<'data>) -> u64 {
        let base = self.base(symbol.section_index());
        base.wrapping_add(symbol.address())
    }
}
