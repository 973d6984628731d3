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
    cell::UnsafeCell,
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

    /// Takes the RCU read lock, and looks up the entries of the page `pfn`, as they are likely to be
    /// asked for. Any number will do.
    #[inline]
    pub fn read_at<'a>(&'static self, memo: &'a mut Memo, pfn: usize) -> Reader<'a, T> {
        // SAFETY: The memo is there to be written.
        unsafe { bindings::page_ext_lock(pfn, memo.span.get().cast()) };
        // INVARIANT: This was just done.
        Reader {
            operations: self,
            memo,
            not_send: PhantomData,
        }
    }

    /// The same for a page of which the number is not known yet. Returns the number as well.
    ///
    /// # Safety
    ///
    /// `page` must point to a page.
    #[inline]
    pub unsafe fn read_page<'a>(
        &'static self,
        memo: &'a mut Memo,
        page: *const bindings::page,
    ) -> (Reader<'a, T>, usize) {
        // SAFETY: By the safety requirement, and the memo is there to be written.
        let pfn = unsafe { bindings::page_ext_lock_page(page, memo.span.get().cast()) };
        // INVARIANT: This was just done.
        let reader = Reader {
            operations: self,
            memo,
            not_send: PhantomData,
        };
        (reader, pfn)
    }

    /// Finds the entries of the page `pfn` and of all pages around it that are in the same array,
    /// for callers who have the RCU read lock.
    ///
    /// Any number may be asked for. Returns [`Missing`] for device memory, offline memory, holes,
    /// and as long as page extensions are not set up.
    pub fn entries<'a>(
        &'static self,
        _rcu: &'a rcu::Guard,
        pfn: usize,
    ) -> Result<Entries<'a, T>, Missing> {
        let mut span = MaybeUninit::uninit();
        // SAFETY: Any number may be asked for, the span is there to be written, and the guard shows
        // that the RCU read lock is held. All of the span is written.
        unsafe {
            bindings::page_ext_span(pfn, span.as_mut_ptr());
            self.entries_of(span.assume_init())
        }
    }

    /// # Safety
    ///
    /// The span must be what `page_ext_span()` has said, and the RCU read lock held for `'a`.
    #[inline]
    unsafe fn entries_of<'a>(
        &'static self,
        span: bindings::page_ext_span,
    ) -> Result<Entries<'a, T>, Missing> {
        if span.page_ext.is_null() {
            return Err(Missing { last: span.last });
        }
        // SAFETY: By the type invariant the core has set the offset during boot, before there were
        // any entries, and does not change it again.
        let offset = unsafe { (*self.inner.get()).offset };
        // SAFETY: Every entry holds the data of every client, this one at `offset`.
        let first = unsafe { span.page_ext.byte_add(offset) };
        // INVARIANT: The entries of a span are an array, which lives as long as the RCU read lock
        // is held. Pages are found in the span that they are in.
        Ok(Entries {
            first_pfn: span.first,
            more: span.last.wrapping_sub(span.first),
            // SAFETY: It points into an array.
            first: unsafe { NonNull::new_unchecked(first.cast()) },
            // SAFETY: Set during boot, constant afterwards.
            stride: unsafe { bindings::page_ext_size },
            data: PhantomData,
        })
    }
}

/// Where a [`Reader`] keeps what it has looked up, for the caller to have on the stack: it is
/// written by C code, and whatever C code knows the address of cannot be kept in registers.
pub struct Memo {
    span: UnsafeCell<MaybeUninit<bindings::page_ext_span>>,
}

impl Memo {
    /// Nothing is there yet.
    #[inline]
    pub const fn new() -> Self {
        Self {
            span: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }
}

impl Default for Memo {
    #[inline]
    fn default() -> Self {
        Self::new()
    }
}

/// The RCU read lock, which keeps entries where they are, and where some of them are.
///
/// # Invariants
///
/// The RCU read lock is held, and in `memo` is what `page_ext_span()` has said under it.
pub struct Reader<'a, T: 'static> {
    operations: &'static Operations<T>,
    memo: &'a Memo,
    // The lock is given back where it was taken.
    not_send: PhantomData<*mut ()>,
}

impl<T: FromBytes + Sync> Reader<'_, T> {
    /// Finds the entries of the page `pfn` and of all pages around it that are in the same array.
    ///
    /// Any number may be asked for. Returns [`Missing`] for device memory, offline memory, holes,
    /// and as long as page extensions are not set up.
    #[inline]
    pub fn entries(&self, pfn: usize) -> Result<Entries<'_, T>, Missing> {
        let mut span = self.latest();
        if pfn.wrapping_sub(span.first) > span.last.wrapping_sub(span.first) {
            self.look_up(pfn);
            span = self.latest();
        }
        // SAFETY: By the type invariants.
        unsafe { self.operations.entries_of(span) }
    }

    #[inline]
    fn latest(&self) -> bindings::page_ext_span {
        // SAFETY: By the type invariants it has been written, and nobody writes it meanwhile, as a
        // reader stays where it is.
        unsafe { (*self.memo.span.get()).assume_init() }
    }

    #[cold]
    fn look_up(&self, pfn: usize) {
        // SAFETY: Any number may be asked for, the RCU read lock is held, and the memo is there to
        // be written.
        unsafe { bindings::page_ext_span(pfn, self.memo.span.get().cast()) };
    }
}

impl<T> Drop for Reader<'_, T> {
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

    /// The entries of the naturally aligned block of `1 << order` pages that a page is in, if all
    /// of them are here.
    #[inline]
    pub fn block(&self, pfn: usize, order: u32) -> Option<Block<'a, T>> {
        let mask = 1usize.checked_shl(order)? - 1;
        let index = (pfn & !mask).checked_sub(self.first_pfn)?;
        if index > self.more || self.more - index < mask {
            return None;
        }
        // INVARIANT: All entries from that of the first page to that of the last were just seen to
        // be here.
        Some(Block {
            // SAFETY: By the type invariants, since the page is in range.
            first: unsafe { self.first.byte_add(index.wrapping_mul(self.stride)) },
            mask,
            stride: self.stride,
            data: PhantomData,
        })
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
