// SPDX-License-Identifier: GPL-2.0-only

//! Drivers of the zoo on a device that really writes: QEMU's `edu`, by way of the DMA API.
//!
//! The IOMMU, the IOVA allocator and the flush queue are the real ones; so is what happens to the page
//! that a driver frees too early. Loading the module binds the driver, which does its work meanwhile, and
//! unbinds it: `insmod edu.ko case=1 bug=1` runs the buggy driver of pattern 1, and its announcements in
//! the log are those of the zoo, on `edu` instead of a page table format.

use kernel::{
    device::Core,
    driver::Registration,
    error::to_result,
    pci,
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    }, //
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

use cases::Perform;
use device::Edu;
use support::{
    stay_here,
    Device,
    Stage,
    Variant, //
};

module! {
    type: Loaded,
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

/// What came of the case, as an error number; that of no device until one is bound.
static OUTCOME: Atomic<i32> = Atomic::new(0);

/// The loaded module. It holds nothing: its case is over when loading is.
struct Loaded;

impl kernel::Module for Loaded {
    fn init(module: &'static ThisModule) -> Result<Self> {
        let (stage, _) = scene()?;
        stay_here()?;
        stage.begin();
        OUTCOME.store(ENODEV.to_errno(), Relaxed);
        // Binds the driver, and unbinds it.
        drop(KBox::pin_init(
            Registration::<pci::Adapter<EduDriver>>::new(c"edu", module),
            GFP_KERNEL,
        )?);
        match to_result(OUTCOME.load(Relaxed)) {
            Ok(()) => stage.end(),
            Err(error) => stage.failed(error),
        }
        Ok(Loaded)
    }
}

/// The bound driver. It holds nothing: its work is done when binding is.
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
        let (stage, perform) = scene()?;
        let done = perform(&stage, &edu).and_then(|()| stage.check_announced());
        OUTCOME.store(done.err().map_or(0, Error::to_errno), Relaxed);
        Ok(EduDriver)
    }
}

/// What the module parameters ask for.
fn scene() -> Result<(Stage, Perform)> {
    let number = u32::try_from(module_parameters::case.value())?;
    let (Some(case), Some(driver)) = (
        catalog::CASES.iter().find(|case| case.number == number),
        cases::driver(number),
    ) else {
        pr_err!("there is no case {}\n", number);
        return Err(EINVAL);
    };
    let (variant, perform) = match module_parameters::bug.value() {
        0 => (Variant::Twin, driver.twin),
        _ => (Variant::Bug, driver.bug),
    };
    Ok((Stage::new(case, variant, Device), perform))
}
