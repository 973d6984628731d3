// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What a program needs that has neither the standard library nor C's: there is none for all processors.

use core::arch::{asm, global_asm};
use core::ffi::{c_char, CStr};
use core::fmt::{self, Write};
use core::panic::PanicInfo;

#[cfg(target_arch = "x86_64")]
mod call {
    pub const READ: usize = 0;
    pub const WRITE: usize = 1;
    pub const CLOSE: usize = 3;
    pub const MMAP: usize = 9;
    pub const MUNMAP: usize = 11;
    pub const IOCTL: usize = 16;
    pub const PREAD: usize = 17;
    pub const PWRITE: usize = 18;
    pub const EXIT_GROUP: usize = 231;
    pub const OPENAT: usize = 257;
}

#[cfg(not(target_arch = "x86_64"))]
mod call {
    pub const IOCTL: usize = 29;
    pub const OPENAT: usize = 56;
    pub const CLOSE: usize = 57;
    pub const READ: usize = 63;
    pub const WRITE: usize = 64;
    pub const PREAD: usize = 67;
    pub const PWRITE: usize = 68;
    pub const EXIT_GROUP: usize = 94;
    pub const MUNMAP: usize = 215;
    pub const MMAP: usize = 222;
}

#[cfg(target_arch = "x86_64")]
global_asm!(".globl _start", "_start: mov rdi, rsp", "and rsp, -16", "call start");
#[cfg(target_arch = "aarch64")]
global_asm!(".globl _start", "_start: mov x0, sp", "bl start");

/// A system call; what it answers, if that is no error.
unsafe fn call(number: usize, a: [usize; 6]) -> Result<usize, isize> {
    let answer: isize;
    #[cfg(target_arch = "x86_64")]
    asm!("syscall", inlateout("rax") number => answer, in("rdi") a[0], in("rsi") a[1], in("rdx") a[2], in("r10") a[3],
        in("r8") a[4], in("r9") a[5], lateout("rcx") _, lateout("r11") _);
    #[cfg(target_arch = "aarch64")]
    asm!("svc 0", in("x8") number, inlateout("x0") a[0] => answer, in("x1") a[1], in("x2") a[2], in("x3") a[3],
        in("x4") a[4], in("x5") a[5]);
    if answer < 0 {
        Err(answer)
    } else {
        Ok(answer as usize)
    }
}

/// An open file.
pub struct File(usize);

impl File {
    pub fn open(path: &CStr, writable: bool) -> File {
        const AT_FDCWD: usize = -100isize as usize;
        const O_RDWR: usize = 2;
        let flags = if writable { O_RDWR } else { 0 };
        let number = unsafe { call(call::OPENAT, [AT_FDCWD, path.as_ptr() as usize, flags, 0, 0, 0]) };
        File(number.unwrap_or_else(|error| panic!("cannot open {path:?}: {error}")))
    }

    /// # Safety
    ///
    /// `argument` must be what the request asks for.
    pub unsafe fn control(&self, request: usize, argument: usize) -> usize {
        call(call::IOCTL, [self.0, request, argument, 0, 0, 0])
            .unwrap_or_else(|error| panic!("request {request:#x}: {error}"))
    }

    /// # Safety
    ///
    /// As for [`File::control`].
    pub unsafe fn opened_by(&self, request: usize, argument: usize) -> File {
        File(self.control(request, argument))
    }

    pub fn number(&self) -> i32 {
        self.0 as i32
    }

    pub fn read(&self, buffer: &mut [u8]) -> usize {
        let arguments = [self.0, buffer.as_mut_ptr() as usize, buffer.len(), 0, 0, 0];
        unsafe { call(call::READ, arguments) }.expect("cannot read")
    }

    pub fn read_at(&self, place: u64) -> u32 {
        let mut word = [0; 4];
        let read = unsafe { call(call::PREAD, [self.0, word.as_mut_ptr() as usize, 4, place as usize, 0, 0]) };
        assert_eq!(read, Ok(4));
        u32::from_le_bytes(word)
    }

    pub fn write_at(&self, place: u64, word: u32) {
        let word = word.to_le_bytes();
        let written = unsafe { call(call::PWRITE, [self.0, word.as_ptr() as usize, 4, place as usize, 0, 0]) };
        assert_eq!(written, Ok(4));
    }
}

impl Drop for File {
    fn drop(&mut self) {
        unsafe { call(call::CLOSE, [self.0, 0, 0, 0, 0, 0]) }.expect("cannot close");
    }
}

/// Memory that goes back to the kernel.
pub struct Memory {
    pub address: usize,
    pub length: usize,
}

impl Memory {
    pub fn new(length: usize) -> Memory {
        const READ_WRITE: usize = 3;
        const PRIVATE_ANONYMOUS: usize = 0x22;
        let arguments = [0, length, READ_WRITE, PRIVATE_ANONYMOUS, usize::MAX, 0];
        let address = unsafe { call(call::MMAP, arguments) }.expect("no memory");
        Memory { address, length }
    }

    /// Some of it, which a device may write.
    pub fn word(&self, at: usize) -> *mut u32 {
        assert!(at % 4 == 0 && at < self.length);
        (self.address + at) as *mut u32
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        unsafe { call(call::MUNMAP, [self.address, self.length, 0, 0, 0, 0]) }.expect("cannot unmap");
    }
}

/// What is said on the standard error.
pub struct Said;

impl Write for Said {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let arguments = [2, text.as_ptr() as usize, text.len(), 0, 0, 0];
        unsafe { call(call::WRITE, arguments) }.map_or(Err(fmt::Error), |_| Ok(()))
    }
}

/// Ends the program; open files are closed, and memory goes back.
pub fn exit(status: usize) -> ! {
    let _ = unsafe { call(call::EXIT_GROUP, [status, 0, 0, 0, 0, 0]) };
    unreachable!()
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    let _ = writeln!(Said, "{info}");
    exit(101)
}

#[no_mangle]
unsafe extern "C" fn start(stack: *const usize) -> ! {
    let arguments = core::slice::from_raw_parts(stack.add(1).cast::<*const c_char>(), *stack);
    super::main(|at| CStr::from_ptr(arguments[at]));
    exit(0)
}

// The compiler takes these for granted. The crate has `no_builtins`: else it would make them call themselves.

#[no_mangle]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, length: usize) -> *mut u8 {
    for at in 0..length {
        *to.add(at) = *from.add(at);
    }
    to
}

#[no_mangle]
unsafe extern "C" fn memset(to: *mut u8, byte: i32, length: usize) -> *mut u8 {
    for at in 0..length {
        *to.add(at) = byte as u8;
    }
    to
}

#[no_mangle]
unsafe extern "C" fn strlen(text: *const u8) -> usize {
    let mut length = 0;
    while *text.add(length) != 0 {
        length += 1;
    }
    length
}

#[no_mangle]
unsafe extern "C" fn memcmp(one: *const u8, other: *const u8, length: usize) -> i32 {
    for at in 0..length {
        let (a, b) = (*one.add(at), *other.add(at));
        if a != b {
            return i32::from(a) - i32::from(b);
        }
    }
    0
}
