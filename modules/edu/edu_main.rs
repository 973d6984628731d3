// SPDX-License-Identifier: GPL-2.0-only

//! Drivers of the zoo on a device that really writes: QEMU's `edu`, by way of the DMA API.
//!
//! The IOMMU, the IOVA allocator and the flush queue are the real ones; so is what happens to the page
//! that a driver frees too early. The work is done while the driver is bound to the device:
//! `insmod edu.ko case=1 bug=1` runs the buggy driver of pattern 1, and its announcements in the log
//! are those of the zoo, on `edu` instead of a page table format.

use kernel::{
    device::Core,
    pci,
    prelude::*, //
};

mod cases;
mod device;
mod next_owner;
mod support;

#[path = "zoo/catalog.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    reason = "the zoo and the tool make more use of it"
)]
mod catalog;

use device::Edu;
use support::{
    Device,
    Stage,
    Variant, //
};

kernel::module_pci_driver! {
    type: EduDriver,
    name: "edu",
    authors: ["dmasan contributors"],
    description: "Drivers of a device that writes, which mishandle DMA mappings, and their correct twins",
    license: "GPL",
    params: {
        case: i32 {
            default: 1,
            description: "Pattern number",
        },
        bug: i32 {
            default: 0,
            description: "1 for the buggy driver, 0 (default) for its correct twin",
        },
    },
}

kernel::pci_device_table!(
    IDS,
    <EduDriver as pci::Driver>::IdInfo,
    // The vendor has no name in the kernel; the rest is looked at when the driver is bound.
    [(
        pci::DeviceId::from_class(device::CLASS, device::CLASS_MASK),
        ()
    )]
);

/// The bound driver. It holds nothing: its case is over when binding is.
struct EduDriver;

impl pci::Driver for EduDriver {
    type IdInfo = ();
    type Data<'bound> = Self;

    const ID_TABLE: pci::IdTable<Self::IdInfo> = &IDS;

    fn probe<'bound>(
        pdev: &'bound pci::Device<Core<'_>>,
        _info: Option<&'bound Self::IdInfo>,
    ) -> impl PinInit<Self, Error> + 'bound {
        let edu = Edu::new(pdev)?;
        run(
            &edu,
            module_parameters::case.value(),
            module_parameters::bug.value(),
        )?;
        Ok(EduDriver)
    }
}

/// Runs what the module parameters ask for. A case that cannot run says so in the log.
fn run(edu: &Edu<'_>, number: i32, bug: i32) -> Result {
    let number = u32::try_from(number)?;
    let (Some(case), Some(driver)) = (
        catalog::CASES.iter().find(|case| case.number == number),
        cases::driver(number),
    ) else {
        pr_err!("there is no case {}\n", number);
        return Err(EINVAL);
    };
    let (variant, perform) = match bug {
        0 => (Variant::Twin, driver.twin),
        _ => (Variant::Bug, driver.bug),
    };
    let stage = Stage::new(case, variant, Device);
    stage.begin();
    match perform(&stage, edu).and_then(|()| stage.check_announced()) {
        Ok(()) => stage.end(),
        Err(error) => stage.failed(error),
    }
    Ok(())
}
