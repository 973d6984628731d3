// SPDX-License-Identifier: GPL-2.0-only

//! Domains, so that a report can name the device behind a translation, even if both are gone.

use super::slot::{Slot, Words};
use crate::moment::{letters, Moment};
use kernel::{
    bindings,
    ffi::CStr,
    fmt,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        SetOnce, //
    }, //
};

/// Domains that are known at a time.
const DOMAINS: usize = 1024;
/// Places in the table that a domain can have.
const PROBES: usize = 16;
/// Words of an entry: address, numbers, a time, the name of a device and that of a driver.
const WORDS: usize = 3 + DEVICE + DRIVER;
/// Words for the name of a device, which can be cut short.
pub(super) const DEVICE: usize = 5;
/// Words for the name of a driver, which can be cut short.
const DRIVER: usize = 3;

type Table = [Slot<WORDS>; DOMAINS];

static TABLE: SetOnce<KBox<Table>> = SetOnce::new();
static LATEST: Atomic<u32> = Atomic::new(0);

/// Makes the table. To be called once.
pub(crate) fn init() {
    // SAFETY: All zero is a slot with zeros.
    let table =
        unsafe { KBox::<Table>::new_uninit(GFP_KERNEL | __GFP_ZERO).map(|t| t.assume_init()) };
    match table {
        Ok(table) => drop(TABLE.populate(table)),
        Err(_) => pr_warn!("no memory for a table of domains, reports will not name any\n"),
    }
}

/// What is known of a domain.
pub(crate) struct Domain {
    number: u32,
    kind: u16,
    more: u16,
    bound: u64,
    device: [u64; DEVICE],
    driver: [u64; DRIVER],
}

impl Domain {
    fn of(words: &Words<WORDS>) -> Self {
        let [_, numbers, bound, rest @ ..] = words.words;
        let word = |at: usize| rest.get(at).copied().unwrap_or(0);
        Self {
            number: words.tag,
            // CAST: Each takes out what `enter` has put there.
            kind: numbers as u16,
            more: (numbers >> 16) as u16,
            bound,
            device: core::array::from_fn(word),
            driver: core::array::from_fn(|at| word(DEVICE + at)),
        }
    }

    /// Since when its device has the driver that it has, if there has never been another device.
    ///
    /// # Safety
    ///
    /// `dev` must point to a valid device.
    pub(crate) unsafe fn bound_to(&self, dev: *const bindings::device) -> Option<u64> {
        // SAFETY: By the safety requirement.
        let is_it = self.more == 0 && self.device == unsafe { name_of(dev) };
        (is_it && self.driver != [0; DRIVER]).then_some(self.bound)
    }

    /// Whether its device or the device's driver has this name, as far as it is kept. Of several
    /// devices the latest is known, and the others may.
    pub(super) fn goes_by(&self, name: &[u64; DEVICE]) -> bool {
        self.more != 0 || self.device == *name || name.starts_with(&self.driver)
    }

    fn put(&self, words: &mut Words<WORDS>) {
        let [_, numbers, bound, rest @ ..] = &mut words.words;
        *bound = self.bound;
        *numbers = u64::from(self.kind) | u64::from(self.more) << 16;
        let names = Iterator::chain(self.device.iter(), &self.driver);
        for (word, name) in rest.iter_mut().zip(names) {
            *word = *name;
        }
        words.tag = self.number;
    }
}

/// The number of a domain, for a record. 0: not known.
///
/// # Safety
///
/// `domain` must point to a valid domain.
pub(crate) unsafe fn number(domain: *const bindings::iommu_domain) -> u32 {
    let found = with_entry(domain, |at, entry| {
        entry.read().map(|words| (at, words.tag))
    });
    match found.flatten() {
        Some((at, number)) => handle(at, number),
        // SAFETY: By the safety requirement.
        None => unsafe { enter(domain) },
    }
}

/// A device uses the domain now, or has got a driver.
///
/// # Safety
///
/// Both must point to valid objects.
#[export]
pub(crate) unsafe extern "C" fn __iommu_debug_attached(
    domain: *mut bindings::iommu_domain,
    dev: *mut bindings::device,
) {
    // A bridge is in the domain of the device behind it, and maps nothing by itself.
    // SAFETY: By the safety requirement.
    if unsafe { bindings::iommu_debug_is_bridge(dev) } {
        return;
    }
    // SAFETY: By the safety requirement.
    unsafe { number(domain) };
    // SAFETY: The device is valid, and keeps its name and its driver meanwhile. Names end with a
    // null character.
    let (device, driver) = unsafe {
        let driver = (*dev).driver;
        (
            name_of(dev),
            if driver.is_null() {
                [0; DRIVER]
            } else {
                words_of(CStr::from_char_ptr((*driver).name))
            },
        )
    };
    with_entry(domain, |_, entry| {
        entry.update(|words| {
            let mut known = Domain::of(words);
            if known.device != [0; DEVICE] && known.device != device {
                known.more = known.more.saturating_add(1);
            }
            if known.device != device || known.driver != driver {
                known.bound = Moment::now().time;
            }
            (known.device, known.driver) = (device, driver);
            known.put(words);
        })
    });
}

/// A domain ends. What is known of it stays for as long as nobody else wants the place.
///
/// # Safety
///
/// Always safe to call; the address is not looked at.
#[export]
pub(crate) unsafe extern "C" fn __iommu_debug_domain_gone(domain: *mut bindings::iommu_domain) {
    with_entry(domain, |_, entry| {
        entry.update(|words| {
            let [address, ..] = &mut words.words;
            *address = 0;
        })
    });
}

/// What is known behind a number.
pub(crate) fn known(number: u32) -> Option<Domain> {
    let table = TABLE.as_ref()?;
    let at = usize::try_from(number).ok()? % DOMAINS;
    let words = table.get(at)?.read_patiently()?;
    (number != 0 && handle(at, words.tag) == number).then(|| Domain::of(&words))
}

/// Makes an entry in the first place that is free. Those of domains that have ended are.
///
/// # Safety
///
/// `domain` must point to a valid domain.
unsafe fn enter(domain: *const bindings::iommu_domain) -> u32 {
    // SAFETY: By the safety requirement.
    // CAST: Types are a few bits.
    let kind = unsafe { (*domain).type_ } as u16;
    let Some(table) = TABLE.as_ref() else {
        return 0;
    };
    for at in places(domain) {
        let Some(entry) = table.get(at).filter(|entry| entry.peek() == 0) else {
            continue;
        };
        let number = LATEST.fetch_add(1, Relaxed).wrapping_add(1);
        let mut is_ours = false;
        entry.update(|words| {
            let [address, ..] = &mut words.words;
            if *address == 0 {
                *address = domain.addr() as u64;
                is_ours = true;
                Domain {
                    number,
                    kind,
                    more: 0,
                    bound: 0,
                    device: [0; DEVICE],
                    driver: [0; DRIVER],
                }
                .put(words);
            }
        });
        if is_ours {
            return handle(at, number);
        }
    }
    0
}

fn with_entry<R>(
    domain: *const bindings::iommu_domain,
    visit: impl FnOnce(usize, &Slot<WORDS>) -> R,
) -> Option<R> {
    let table = TABLE.as_ref()?;
    let address = domain.addr() as u64;
    let (at, entry) = places(domain)
        .filter_map(|at| Some((at, table.get(at)?)))
        .find(|(_, entry)| entry.peek() == address)?;
    Some(visit(at, entry))
}

fn places(domain: *const bindings::iommu_domain) -> impl Iterator<Item = usize> {
    // Domains are of some size and aligned to it.
    let start = domain.addr() >> 6;
    let start = start ^ start >> 10;
    (0..PROBES).map(move |step| start.wrapping_add(step) % DOMAINS)
}

/// Place and number in one; the number tells those apart that have had the place.
fn handle(at: usize, number: u32) -> u32 {
    // CAST: Far fewer than 32 bits hold.
    number.wrapping_mul(DOMAINS as u32) | at as u32
}

/// # Safety
///
/// `dev` must point to a valid device, which keeps its name meanwhile.
unsafe fn name_of(dev: *const bindings::device) -> [u64; DEVICE] {
    // SAFETY: By the safety requirement; names end with a null character.
    words_of(unsafe { CStr::from_char_ptr(bindings::dev_name(dev)) })
}

/// Letters, eight to a word; what does not fit is left out.
pub(super) fn words_of<const N: usize>(name: &CStr) -> [u64; N] {
    let mut words = [0; N];
    for (word, bytes) in words.iter_mut().zip(name.to_bytes().chunks(8)) {
        for byte in bytes.iter().rev() {
            *word = *word << 8 | u64::from(*byte);
        }
    }
    words
}

/// What `words_of` has made of a name.
pub(super) struct Name<'a>(pub(super) &'a [u64]);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .take_while(|word| **word != 0)
            .try_for_each(|word| letters(&word.to_le_bytes(), f))
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match u32::from(self.kind) {
            bindings::IOMMU_DOMAIN_BLOCKED => "blocked",
            bindings::IOMMU_DOMAIN_IDENTITY => "identity",
            bindings::IOMMU_DOMAIN_UNMANAGED => "unmanaged",
            bindings::IOMMU_DOMAIN_DMA => "dma",
            bindings::IOMMU_DOMAIN_DMA_FQ => "dma-fq",
            bindings::IOMMU_DOMAIN_SVA => "sva",
            _ => "other",
        };
        f.write_fmt(fmt!("domain {kind} {}", self.number))?;
        if self.device != [0; DEVICE] {
            f.write_fmt(fmt!(", device {}", Name(&self.device)))?;
        }
        if self.more != 0 {
            f.write_fmt(fmt!(" and {} more", self.more))?;
        }
        if self.driver != [0; DRIVER] {
            f.write_fmt(fmt!(", driver {}", Name(&self.driver)))?;
        }
        Ok(())
    }
}
