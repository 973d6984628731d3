// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Makes a vDPA device of a PCI device, gives it memory, lets go of the memory, and takes it back from the device:
//! `vdpa PCI-DEVICE`.

use std::ffi::{c_int, c_ulong, c_void};
use std::fs::{File, OpenOptions};
use std::io::{Error, Read, Result, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::ptr::null_mut;

extern "C" {
    fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int;
    fn ioctl(file: c_int, request: c_ulong, ...) -> c_int;
    fn mmap(
        at: *mut c_void,
        size: usize,
        access: c_int,
        flags: c_int,
        file: c_int,
        offset: i64,
    ) -> *mut c_void;
    fn munmap(at: *mut c_void, size: usize) -> c_int;
}

const SIZE: usize = 64 * 4096;
const ROUNDS: u64 = 8;

fn main() -> Result<()> {
    let device = std::env::args().nth(1).expect("usage: vdpa PCI-DEVICE");
    add(&device)?;
    let mut vhost = open()?;
    for round in 0..ROUNDS {
        let iova = (1 << 20) + round * SIZE as u64;
        let memory = Memory::new()?;
        vhost.write_all(&message(UPDATE, iova, memory.address()))?;
        drop(memory);
        vhost.write_all(&message(INVALIDATE, iova, 0))?;
    }
    Ok(())
}

/// The vDPA device, as `vdpa dev add` would make it.
fn add(device: &str) -> Result<()> {
    const GENERIC_CONTROL: u16 = 16;
    const GET_FAMILY: u8 = 3;
    const FAMILY_ID: u16 = 1;
    const FAMILY_NAME: u16 = 2;
    const DEV_NEW: u8 = 3;
    const BUS_NAME: u16 = 1;
    const PARENT: u16 = 2;
    const NAME: u16 = 4;

    let answer = ask(GENERIC_CONTROL, GET_FAMILY, &[(FAMILY_NAME, "vdpa")])?;
    let family = attribute(&answer, FAMILY_ID).expect("no vDPA in this kernel");
    let names = [(BUS_NAME, "pci"), (PARENT, device), (NAME, "trial")];
    ask(family, DEV_NEW, &names).map(drop)
}

/// What generic netlink says to a command, behind its headers; or the error.
fn ask(family: u16, command: u8, names: &[(u16, &str)]) -> Result<Vec<u8>> {
    const NETLINK: c_int = 16;
    const RAW: c_int = 3;
    const GENERIC: c_int = 16;
    const REQUEST_AND_ACK: u16 = 1 | 4;
    const ERROR: u16 = 2;

    let mut body = vec![command, 1, 0, 0];
    for (kind, name) in names {
        let length = 4 + name.len() as u16 + 1;
        body.extend(length.to_ne_bytes());
        body.extend(kind.to_ne_bytes());
        body.extend(name.bytes());
        body.push(0);
        body.resize(body.len().next_multiple_of(4), 0);
    }
    let mut request = (16 + body.len() as u32).to_ne_bytes().to_vec();
    request.extend(family.to_ne_bytes());
    request.extend(REQUEST_AND_ACK.to_ne_bytes());
    request.extend([0; 8]);
    request.extend(body);

    let file = checked(unsafe { socket(NETLINK, RAW, GENERIC) })?;
    let mut socket = unsafe { File::from_raw_fd(file) };
    socket.write_all(&request)?;
    let mut answer = vec![0; 8192];
    let length = socket.read(&mut answer)?;
    answer.truncate(length);
    let number = i32::from_ne_bytes(answer[16..20].try_into().unwrap());
    if u16::from_ne_bytes([answer[4], answer[5]]) == ERROR && number != 0 {
        return Err(Error::from_raw_os_error(-number));
    }
    Ok(answer.split_off(20))
}

/// A number among attributes.
fn attribute(mut attributes: &[u8], wanted: u16) -> Option<u16> {
    let number = |at: &[u8]| Some(u16::from_ne_bytes([*at.first()?, *at.get(1)?]));
    loop {
        let length = usize::from(number(attributes)?);
        if number(&attributes[2..])? == wanted {
            return number(&attributes[4..]);
        }
        attributes = attributes.get(length.next_multiple_of(4)..)?;
    }
}

/// The device, which takes messages of the second kind from us.
fn open() -> Result<File> {
    const SET_OWNER: c_ulong = 0xaf01;
    const GET_BACKEND_FEATURES: c_ulong = 0x8008_af26;
    const SET_BACKEND_FEATURES: c_ulong = 0x4008_af25;
    const IOTLB_MSG_V2: u64 = 1 << 1;

    let vhost = OpenOptions::new().read(true).write(true).open("/dev/vhost-vdpa-0")?;
    let file = vhost.as_raw_fd();
    let mut features = 0u64;
    checked(unsafe { ioctl(file, SET_OWNER) })?;
    checked(unsafe { ioctl(file, GET_BACKEND_FEATURES, &mut features) })?;
    features &= IOTLB_MSG_V2;
    assert_ne!(features, 0);
    checked(unsafe { ioctl(file, SET_BACKEND_FEATURES, &features) })?;
    Ok(vhost)
}

const UPDATE: u8 = 2;
const INVALIDATE: u8 = 3;

/// `struct vhost_msg_v2`
fn message(kind: u8, iova: u64, address: u64) -> [u8; 72] {
    const IOTLB_MSG_V2: u64 = 2;
    const READ_AND_WRITE: u8 = 3;

    let mut message = [0; 72];
    for (at, word) in [IOTLB_MSG_V2, iova, SIZE as u64, address].into_iter().enumerate() {
        message[8 * at..][..8].copy_from_slice(&word.to_le_bytes());
    }
    message[32] = READ_AND_WRITE;
    message[33] = kind;
    message
}

/// Pages of nobody else's.
struct Memory(*mut c_void);

impl Memory {
    fn new() -> Result<Memory> {
        const READ_AND_WRITE: c_int = 1 | 2;
        const PRIVATE_AND_ANONYMOUS: c_int = 0x22;

        let memory = unsafe { mmap(null_mut(), SIZE, READ_AND_WRITE, PRIVATE_AND_ANONYMOUS, -1, 0) };
        if memory.addr() == usize::MAX {
            return Err(Error::last_os_error());
        }
        Ok(Memory(memory))
    }

    fn address(&self) -> u64 {
        self.0.addr() as u64
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        unsafe { munmap(self.0, SIZE) };
    }
}

fn checked(result: c_int) -> Result<c_int> {
    if result < 0 {
        return Err(Error::last_os_error());
    }
    Ok(result)
}
