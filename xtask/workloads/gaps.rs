// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Writes and reads a disk past the page cache, with data that is strewn over pages: `gaps DISK`.

use std::fs::OpenOptions;
use std::io::{IoSlice, IoSliceMut, Read, Result, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;

const O_DIRECT: i32 = 0o40000;
const PAGE: usize = 4096;
const SECTOR: usize = 512;
/// What one request takes from each of so many pages is a sector.
const PAGES: usize = 16;
const REQUESTS: usize = 64;

fn main() -> Result<()> {
    let path = std::env::args().nth(1).expect("usage: gaps DISK");
    let mut disk = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(O_DIRECT)
        .open(path)?;
    let mut memory = vec![0u8; (PAGES + 1) * PAGE];
    let start = memory.as_ptr().align_offset(PAGE);
    let pages = &mut memory[start..start + PAGES * PAGE];
    for request in 0..REQUESTS {
        let written = request as u8 + 1;
        pages.fill(written);
        let slices: Vec<_> = pages.chunks(PAGE).map(|page| IoSlice::new(&page[..SECTOR])).collect();
        assert_eq!(disk.write_vectored(&slices)?, PAGES * SECTOR);
        disk.seek_relative(-((PAGES * SECTOR) as i64))?;
        pages.fill(0);
        let mut slices: Vec<_> =
            pages.chunks_mut(PAGE).map(|page| IoSliceMut::new(&mut page[..SECTOR])).collect();
        assert_eq!(disk.read_vectored(&mut slices)?, PAGES * SECTOR);
        assert!(pages.chunks(PAGE).all(|page| page[..SECTOR].iter().all(|&byte| byte == written)));
    }
    Ok(())
}
