// SPDX-License-Identifier: Apache-2.0 OR MIT

//! User space to which two devices are assigned, in one container: `vfio DOMAINS GROUP DEVICE GROUP DEVICE`, with files for
//! the groups. It fails if the container does not come to so many IOMMU domains.
//!
//! The devices are QEMU's for teaching.

#![no_std]
#![no_main]
#![no_builtins]

mod bare;

use core::ffi::CStr;
use core::mem::size_of;
use core::str::from_utf8;

use bare::{File, Memory};

// <linux/vfio.h>
const SET_IOMMU: usize = 0x3b66;
const SET_CONTAINER: usize = 0x3b68;
const UNSET_CONTAINER: usize = 0x3b69;
const GET_DEVICE: usize = 0x3b6a;
const GET_REGION: usize = 0x3b6c;
const GET_IOMMU: usize = 0x3b70;
const MAP: usize = 0x3b71;
const UNMAP: usize = 0x3b72;
const TYPE1V2: usize = 3;
const READ_WRITE: u32 = 3;
const ALL: u32 = 2;
const BAR0: u32 = 0;
const CONFIG: u32 = 7;

#[repr(C)]
#[derive(Default)]
struct Info {
    size: u32,
    flags: u32,
    page_sizes: u64,
    rest: [u32; 2],
}

#[repr(C)]
struct Map {
    size: u32,
    flags: u32,
    address: u64,
    iova: u64,
    length: u64,
}

#[repr(C)]
struct Unmap {
    size: u32,
    flags: u32,
    iova: u64,
    length: u64,
}

#[repr(C)]
#[derive(Default)]
struct Region {
    size: u32,
    flags: u32,
    index: u32,
    capabilities: u32,
    length: u64,
    place: u64,
}

/// How far apart mappings are: none shares a large page with another.
const STRIDE: u64 = 4 << 20;
/// The devices reach 256 MiB, half of which some IOMMUs keep for interrupts.
const IOVA: u64 = 16 << 20;

/// The container and its mappings.
struct Container {
    file: File,
    page: u64,
    /// Translations that there are without it.
    before: u64,
}

impl Container {
    fn new(group: &File) -> Container {
        let file = File::open(c"/dev/vfio/vfio", true);
        let mut info = Info { size: size_of::<Info>() as u32, ..Info::default() };
        unsafe {
            group.control(SET_CONTAINER, &file.number() as *const i32 as usize);
            file.control(SET_IOMMU, TYPE1V2);
            file.control(GET_IOMMU, &mut info as *mut Info as usize);
        }
        Container { file, page: 1 << info.page_sizes.trailing_zeros(), before: translations() }
    }

    fn add(&self, group: &File) {
        unsafe { group.control(SET_CONTAINER, &self.file.number() as *const i32 as usize) };
    }

    fn pages(&self, number: u64) -> Memory {
        Memory::new((number * self.page) as usize)
    }

    fn map(&self, iova: u64, memory: &Memory) {
        let map = Map {
            size: size_of::<Map>() as u32,
            flags: READ_WRITE,
            address: memory.address as u64,
            iova,
            length: memory.length as u64,
        };
        unsafe { self.file.control(MAP, &map as *const Map as usize) };
    }

    fn unmap(&self, flags: u32, iova: u64, length: usize) {
        let size = size_of::<Unmap>() as u32;
        let mut unmap = Unmap { size, flags, iova, length: length as u64 };
        unsafe { self.file.control(UNMAP, &mut unmap as *mut Unmap as usize) };
    }

    /// Fails unless the memory, and nothing else, is mapped in so many domains.
    fn expect(&self, domains: u64, memory: &[&Memory]) {
        let bytes: usize = memory.iter().map(|one| one.length).sum();
        let pages = bytes as u64 / self.page;
        assert_eq!(translations(), self.before + domains * pages, "{pages} pages in {domains} domains");
    }
}

/// How many translations the sanitizer counts.
fn translations() -> u64 {
    let mut buffer = [0; 1024];
    let length = File::open(c"/sys/kernel/debug/iommu/debug_pagealloc/stats", false).read(&mut buffer);
    let text = from_utf8(&buffer[..length]).unwrap();
    let mut values = text.lines().filter_map(|line| line.strip_prefix("translations: "));
    values.next().unwrap().parse().unwrap()
}

/// Lets the device copy `length` bytes.
fn copy(group: &File, name: &CStr, from: u64, to: u64, length: u32) {
    const COMMAND: u64 = 4;
    const MEMORY_AND_MASTER: u32 = 6;
    const BUFFER: u64 = 0x40000;
    const START: u32 = 1;
    const TO_MEMORY: u32 = 2;

    let device = unsafe { group.opened_by(GET_DEVICE, name.as_ptr() as usize) };
    let place = |index| {
        let mut region = Region { size: size_of::<Region>() as u32, index, ..Region::default() };
        unsafe { device.control(GET_REGION, &mut region as *mut Region as usize) };
        region.place
    };
    device.write_at(place(CONFIG) + COMMAND, MEMORY_AND_MASTER);
    let registers = place(BAR0);
    for (from, to, direction) in [(from, BUFFER, 0), (BUFFER, to, TO_MEMORY)] {
        device.write_at(registers + 0x80, from as u32);
        device.write_at(registers + 0x88, to as u32);
        device.write_at(registers + 0x90, length);
        device.write_at(registers + 0x98, START | direction);
        while device.read_at(registers + 0x98) & START != 0 {}
    }
}

fn main<'a>(argument: impl Fn(usize) -> &'a CStr) {
    let domains = argument(1).to_str().unwrap().parse().unwrap();
    let [first, second] = [2, 4].map(|at| File::open(argument(at), true));
    let container = Container::new(&first);

    let odd = IOVA + 2 * STRIDE + container.page;
    let (one, some) = (container.pages(1), container.pages(37));
    let large = Memory::new(2 << 20);
    container.map(IOVA, &one);
    container.map(IOVA + STRIDE, &large);
    container.map(odd, &some);
    container.expect(1, &[&one, &large, &some]);
    container.add(&second);
    container.expect(domains, &[&one, &large, &some]);

    // The devices go through the domains.
    for (number, (group, name)) in [(&first, argument(3)), (&second, argument(5))].into_iter().enumerate() {
        let (written, read) = (one.word(64), some.word(128 + 4 * number));
        let word = 0x1234_5678 + number as u32;
        unsafe { written.write_volatile(word) };
        copy(group, name, IOVA + 64, odd + 128 + 4 * number as u64, 4);
        assert_eq!(unsafe { read.read_volatile() }, word);
    }

    // Some goes, and other memory takes its place.
    let more = container.pages(5);
    container.map(IOVA + 3 * STRIDE, &more);
    container.expect(domains, &[&one, &large, &some, &more]);
    container.unmap(0, IOVA + STRIDE, large.length);
    container.unmap(0, odd, some.length);
    container.expect(domains, &[&one, &more]);
    drop((large, some));
    let large = Memory::new(2 << 20);
    container.map(IOVA + STRIDE, &large);
    container.expect(domains, &[&one, &large, &more]);

    // A domain that is not the last goes, with all that is mapped in it.
    unsafe { second.control(UNSET_CONTAINER, 0) };
    container.expect(1, &[&one, &large, &more]);
    container.unmap(ALL, 0, 0);
    container.expect(1, &[]);
    drop((one, large, more));

    // Both go, with the program.
    container.add(&second);
    let (one, some) = (container.pages(1), container.pages(37));
    container.map(IOVA, &one);
    container.map(odd, &some);
    container.expect(domains, &[&one, &some]);
    bare::exit(0);
}
