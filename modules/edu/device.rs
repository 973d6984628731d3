// SPDX-License-Identifier: GPL-2.0-only

//! The device: a buffer of 4K, and an engine that copies it to memory.

use core::ptr;

use kernel::{
    bindings,
    device::{
        self,
        Bound,
        Core, //
    },
    dma::{
        Device as _,
        DmaAddress,
        DmaMask, //
    },
    io::{
        poll::read_poll_timeout,
        register,
        Io,
        PhysAddr, //
    },
    page::PAGE_SIZE,
    pci,
    prelude::*,
    time::Delta, //
};

use crate::support::Pages;

/// The class of devices that have none, in the form of the PCI bus.
pub(crate) const CLASS: u32 = 0x00_ff_00;
/// Without the programming interface.
pub(crate) const CLASS_MASK: u32 = 0xff_ff_00;

const VENDOR: u16 = 0x1234;
const DEVICE: u16 = 0x11e8;

/// Where the device's own buffer is, for its engine.
const BUFFER: u32 = 0x4_0000;
/// The size of that buffer, in bytes.
const BUFFER_SIZE: u32 = 4096;
/// How many bits of an address the device puts on the bus.
const ADDRESS_BITS: u32 = 28;

// Those of the engine are 64 bits wide, but the upper half is never needed.
register! {
    /// Where the engine copies from.
    SOURCE(u32) @ 0x80 {
        31:0 address;
    }

    /// Where it copies to.
    DESTINATION(u32) @ 0x88 {
        31:0 address;
    }

    /// How many bytes.
    COUNT(u32) @ 0x90 {
        31:0 bytes;
    }

    /// Starts the engine, and says whether it runs.
    COMMAND(u32) @ 0x98 {
        1:1 to_memory;
        0:0 run;
    }
}

const REGISTERS: usize = 0xa0;

/// The device, ready for DMA.
pub(crate) struct Edu<'a> {
    device: &'a device::Device<Bound>,
    registers: pci::Bar<'a, REGISTERS>,
}

/// A range of memory that the device can reach. Like the DMA API's own it is a number: nothing happens when
/// it is dropped.
#[derive(Clone, Copy)]
pub(crate) struct Mapping {
    iova: DmaAddress,
    bytes: usize,
}

impl Mapping {
    /// The first `bytes` of it and the rest, as a driver might reckon.
    pub(crate) fn split_at(self, bytes: usize) -> (Self, Self) {
        let first = Self {
            iova: self.iova,
            bytes,
        };
        let rest = Self {
            // CAST: Addresses are at least as wide as sizes.
            iova: self.iova + bytes as DmaAddress,
            bytes: self.bytes - bytes,
        };
        (first, rest)
    }
}

impl<'a> Edu<'a> {
    /// Takes the device into use; [`ENODEV`] if it is another one.
    pub(crate) fn new(pdev: &'a pci::Device<Core<'_>>) -> Result<Self> {
        if (pdev.vendor_id().as_raw(), pdev.device_id()) != (VENDOR, DEVICE) {
            return Err(ENODEV);
        }
        pdev.enable_device_mem()?;
        pdev.set_master();
        // SAFETY: Nothing is mapped yet.
        unsafe { pdev.dma_set_mask_and_coherent(DmaMask::new::<ADDRESS_BITS>())? };
        let registers = pdev.iomap_region_sized::<REGISTERS>(0, c"edu")?;
        let bound: &pci::Device<Bound> = pdev;
        Ok(Self {
            device: bound.as_ref(),
            registers,
        })
    }

    /// Lets the device write to `bytes` of `pages`, from their beginning on.
    pub(crate) fn map(&self, pages: &Pages, bytes: usize) -> Result<Mapping> {
        self.map_phys(pages.phys(), bytes)
    }

    /// Lets the device write to one page of `pages`.
    pub(crate) fn map_page_of(&self, pages: &Pages, index: usize) -> Result<Mapping> {
        self.map_phys(pages.phys_of(index), PAGE_SIZE)
    }

    fn map_phys(&self, phys: PhysAddr, bytes: usize) -> Result<Mapping> {
        // SAFETY: The device is bound, and the memory is the caller's.
        let iova = unsafe {
            bindings::dma_map_phys(
                self.raw(),
                phys,
                bytes,
                bindings::dma_data_direction::DMA_FROM_DEVICE,
                0,
            )
        };
        // The value of DMA_MAPPING_ERROR, a macro with a cast.
        if iova == DmaAddress::MAX {
            return Err(ENOMEM);
        }
        Ok(Mapping { iova, bytes })
    }

    /// Takes that back.
    pub(crate) fn unmap(&self, mapping: Mapping) {
        // SAFETY: The device is bound.
        unsafe { Self::unmap_for(self.raw(), mapping) }
    }

    /// Takes it back from a device that never had it.
    pub(crate) fn unmap_for_parent(&self, mapping: Mapping) {
        // SAFETY: The device is bound, and its parent there for as long as it is.
        unsafe { Self::unmap_for((*self.raw()).parent, mapping) }
    }

    /// # Safety
    ///
    /// `device` must point to a valid device.
    unsafe fn unmap_for(device: *mut bindings::device, mapping: Mapping) {
        // SAFETY: By the safety requirement. That the mapping is one that was made is not checked, and
        // some of the drivers here are wrong about it: the DMA API survives that.
        unsafe {
            bindings::dma_unmap_phys(
                device,
                mapping.iova,
                mapping.bytes,
                bindings::dma_data_direction::DMA_FROM_DEVICE,
                0,
            );
        }
    }

    /// Makes the device write its buffer to a mapping, and waits until it has.
    pub(crate) fn write(&self, mapping: Mapping) -> Result {
        let address = u32::try_from(mapping.iova)?;
        let bytes = u32::try_from(mapping.bytes)?.min(BUFFER_SIZE);
        self.registers
            .write_reg(SOURCE::zeroed().with_address(BUFFER));
        self.registers
            .write_reg(DESTINATION::zeroed().with_address(address));
        self.registers.write_reg(COUNT::zeroed().with_bytes(bytes));
        self.registers.write_reg(
            COMMAND::zeroed()
                .with_const_to_memory::<1>()
                .with_const_run::<1>(),
        );
        read_poll_timeout(
            || Ok(self.registers.read(COMMAND)),
            |command| command.run().get() == 0,
            Delta::from_millis(5),
            Delta::from_secs(10),
        )?;
        Ok(())
    }

    fn raw(&self) -> *mut bindings::device {
        // The abstraction is a transparent wrapper.
        ptr::from_ref(self.device).cast_mut().cast()
    }
}
