// SPDX-License-Identifier: GPL-2.0

//! Page extensions: data that a subsystem keeps for every page of memory.
//!
//! C header: [`include/linux/page_ext.h`](srctree/include/linux/page_ext.h)
//!
//! A client of page extensions is an [`Operations`] in the table of `mm/page_ext.c`. If it says at
//! boot that it is needed, every page gets a zeroed `T`, and a [`Reader`] finds them.

use crate::{
    bindings,
    sync::rcu,
    transmute::FromBytes, //
};
use core::{
    cell::{Cell, UnsafeCell},
    marker::PhantomData,
    mem::{align_of, size_of, MaybeUninit},
    ptr::NonNull, //
};

/// A client of page extensions that keeps a `T` for every page.
///
/// # Invariants
///
/// Only the page extension core writes to the inner struct, and only while it boots.
#[repr(transparent)]
pub struct Operations<T> {
    inner: UnsafeCell<bindings::page_ext_operations>,
    data: PhantomData<T>,
}

// SAFETY: By the type invariant nobody writes to the inner struct once there can be two threads,
// and the `T`s that it leads to may be shared.
unsafe impl<T: Sync> Sync for Operations<T> {}

impl<T: FromBytes + Sync> Operations<T> {
    /// Makes a client that is given memory if `need` returns true during boot.
    ///
    /// The entries of all clients lie behind one another without padding, so an entry that is not
    /// a multiple of a word would misalign those of its neighbours on every other page. Such a `T`
    /// does not compile.
    pub const fn new(need: unsafe extern "C" fn() -> bool) -> Self {
        const {
            assert!(size_of::<T>() % size_of::<u64>() == 0);
            assert!(align_of::<T>() <= size_of::<usize>());
        }
        // INVARIANT: Nobody else knows the struct yet.
        Self {
            inner: UnsafeCell::new(bindings::page_ext_operations {
                offset: 0,
                size: size_of::<T>(),
                need: Some(need),
                init: None,
                need_shared_flags: false,
            }),
            data: PhantomData,
        }
    }

    /// Takes the RCU read lock, and looks up the block of `1 << ORDER` pages around the page `pfn`.
    /// Any number will do.
    #[inline]
    pub fn read_at<const ORDER: u32>(&'static self, pfn: usize) -> Reader<T, ORDER> {
        // SAFETY: Any number may be asked for.
        let page_ext = unsafe { bindings::page_ext_lock_pfn(pfn, ORDER) };
        // INVARIANT: This was just done.
        Reader {
            operations: self,
            latest: Cell::new(Latest { pfn, page_ext }),
            not_send: PhantomData,
        }
    }

    /// The same for a page of which the number is not known yet. Returns the number as well.
    ///
    /// # Safety
    ///
    /// `page` must point to a page.
    #[inline]
    pub unsafe fn read_page<const ORDER: u32>(
        &'static self,
        page: *const bindings::page,
    ) -> (Reader<T, ORDER>, usize) {
        // SAFETY: By the safety requirement.
        let pfn = unsafe { bindings::page_to_pfn(page) };
        (self.read_at(pfn), pfn)
    }

    /// Finds the entries of the page `pfn` and of all pages around it that are in the same array.
    ///
    /// Any number may be asked for. Returns [`Missing`] for device memory, offline memory, holes,
    /// and as long as page extensions are not set up.
    #[inline]
    pub fn entries<'a>(
        &'static self,
        _rcu: &'a rcu::Guard,
        pfn: usize,
    ) -> Result<Entries<'a, T>, Missing> {
        // SAFETY: The guard shows that the RCU read lock is held for `'a`.
        unsafe { self.entries_under_lock(pfn) }
    }

    /// # Safety
    ///
    /// The RCU read lock must be held for `'a`.
    unsafe fn entries_under_lock<'a>(&'static self, pfn: usize) -> Result<Entries<'a, T>, Missing> {
        let mut span = MaybeUninit::<bindings::page_ext_span>::uninit();
        // SAFETY: Any number may be asked for, the span is there to be written, and the RCU read
        // lock is held. All of the span is written.
        let span = unsafe {
            bindings::page_ext_span(pfn, span.as_mut_ptr());
            span.assume_init()
        };
        // SAFETY: It is the first of an array, if it is any.
        let Some(first) = (unsafe { self.data_of(span.page_ext) }) else {
            return Err(Missing { last: span.last });
        };
        // INVARIANT: The entries of a span are an array, which lives as long as the RCU read lock
        // is held. Pages are found in the span that they are in.
        Ok(Entries {
            first_pfn: span.first,
            more: span.last.wrapping_sub(span.first),
            first,
            // SAFETY: Set during boot, constant afterwards.
            stride: unsafe { bindings::page_ext_size },
            data: PhantomData,
        })
    }

    /// This client's data in a page extension.
    ///
    /// # Safety
    ///
    /// `page_ext` must be null or point to a page extension.
    #[inline]
    unsafe fn data_of(&'static self, page_ext: *mut bindings::page_ext) -> Option<NonNull<T>> {
        let page_ext = NonNull::new(page_ext)?;
        // SAFETY: By the type invariant the core has set the offset during boot, before there were
        // any entries, and does not change it again.
        let offset = unsafe { (*self.inner.get()).offset };
        // SAFETY: Every entry holds the data of every client, this one at `offset`.
        Some(unsafe { page_ext.byte_add(offset) }.cast())
    }
}

/// A page, and what `page_ext_block()` says of the block around it.
#[derive(Clone, Copy)]
struct Latest {
    pfn: usize,
    page_ext: *mut bindings::page_ext,
}

/// The RCU read lock, which keeps entries where they are, and the block that was looked up last.
///
/// # Invariants
///
/// The RCU read lock is held, and `latest` is what `page_ext_block()` has said under it of blocks
/// of `1 << ORDER` pages.
pub struct Reader<T: 'static, const ORDER: u32> {
    operations: &'static Operations<T>,
    latest: Cell<Latest>,
    // The lock is given back where it was taken.
    not_send: PhantomData<*mut ()>,
}

impl<T: FromBytes + Sync, const ORDER: u32> Reader<T, ORDER> {
    /// As [`Operations::entries`].
    pub fn entries(&self, pfn: usize) -> Result<Entries<'_, T>, Missing> {
        // SAFETY: By the type invariants.
        unsafe { self.operations.entries_under_lock(pfn) }
    }

    /// The entries of the block around the page `pfn`. `None` if they are not all there, or not in
    /// one array.
    #[inline]
    pub fn block(&self, pfn: usize) -> Option<Block<'_, T>> {
        let mut latest = self.latest.get();
        if (pfn ^ latest.pfn) >> ORDER != 0 {
            latest = Latest {
                pfn,
                // SAFETY: Any number may be asked for, and the lock is held.
                page_ext: unsafe { bindings::page_ext_block(pfn, ORDER) },
            };
            self.latest.set(latest);
        }
        // INVARIANT: The entries of a block are an array, which lives as long as the RCU read lock
        // is held.
        Some(Block {
            // SAFETY: It is that of the first page of the block, if it is any.
            first: unsafe { self.operations.data_of(latest.page_ext) }?,
            mask: (1 << ORDER) - 1,
            // SAFETY: Set during boot, constant afterwards.
            stride: unsafe { bindings::page_ext_size },
            data: PhantomData,
        })
    }
}

impl<T, const ORDER: u32> Drop for Reader<T, ORDER> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: By the type invariants the lock is held.
        unsafe { bindings::rcu_read_unlock() };
    }
}

/// There are no entries for the page that was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Missing {
    last: usize,
}

impl Missing {
    /// The next page that is worth asking for is the one behind this.
    pub fn last_pfn(self) -> usize {
        self.last
    }
}

/// The entries of some pages, in an array.
///
/// # Invariants
///
/// `first` is the data for `first_pfn`; the data of each of the `more` pages behind it lies
/// `stride` bytes behind that of the page before, and all are valid for `'a`.
pub struct Entries<'a, T> {
    first_pfn: usize,
    more: usize,
    first: NonNull<T>,
    stride: usize,
    data: PhantomData<&'a T>,
}

impl<T> Clone for Entries<'_, T> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Entries<'_, T> {}

impl<'a, T> Entries<'a, T> {
    /// The first page that has its entry here.
    #[inline]
    pub fn first_pfn(&self) -> usize {
        self.first_pfn
    }

    /// The last page that has its entry here.
    #[inline]
    pub fn last_pfn(&self) -> usize {
        self.first_pfn.wrapping_add(self.more)
    }

    /// The entry of a page, or of the last page if that one has no entry here.
    #[inline]
    pub fn entry(&self, pfn: usize) -> &'a T {
        let index = pfn.wrapping_sub(self.first_pfn).min(self.more);
        // SAFETY: By the type invariants, since the page is in range, its data lies that many
        // bytes behind the first, and is valid for `'a`.
        unsafe {
            self.first
                .byte_add(index.wrapping_mul(self.stride))
                .as_ref()
        }
    }
}

/// The entries of a naturally aligned block of pages.
///
/// # Invariants
///
/// `first` is the data for a page whose number has no bit of `mask`, which is one less than a power
/// of two; the data of each of the `mask` pages behind it lies `stride` bytes behind that of the
/// page before, and all are valid for `'a`.
pub struct Block<'a, T> {
    first: NonNull<T>,
    mask: usize,
    stride: usize,
    data: PhantomData<&'a T>,
}

impl<'a, T> Block<'a, T> {
    /// The entry of the page of the block that has the same memo in its block as `pfn` has.
    #[inline]
    pub fn entry(&self, pfn: usize) -> &'a T {
        // SAFETY: By the type invariants, since the page is in range.
        unsafe {
            let offset = (pfn & self.mask).wrapping_mul(self.stride);
            self.first.byte_add(offset).as_ref()
        }
    }
}
