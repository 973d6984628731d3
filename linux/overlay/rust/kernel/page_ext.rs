// SPDX-License-Identifier: GPL-2.0

//! Page extensions: data that a subsystem keeps for every page of memory.
//!
//! C header: [`include/linux/page_ext.h`](srctree/include/linux/page_ext.h)
//!
//! A client of page extensions is an [`Operations`] in the table of `mm/page_ext.c`. If it says at
//! boot that it is needed, every page gets a zeroed `T`, and [`Operations::entries`] finds them.

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
        let mut span = MaybeUninit::<bindings::page_ext_span>::uninit();
        // SAFETY: Any number may be asked for, the span is there to be written, and the guard shows
        // that the RCU read lock is held.
        let found = unsafe { bindings::page_ext_span(pfn, span.as_mut_ptr()) };
        // SAFETY: The bounds are written in either case.
        let last = unsafe { (*span.as_ptr()).last };
        if !found {
            return Err(Missing { last });
        }
        // SAFETY: If entries are found, all of the span is written.
        let span = unsafe { span.assume_init() };
        // SAFETY: By the type invariant the core has set the offset during boot, before there were
        // any entries, and does not change it again.
        let offset = unsafe { (*self.inner.get()).offset };
        // SAFETY: Every entry holds the data of every client, this one at `offset`.
        let first = unsafe { span.page_ext.byte_add(offset) };
        // INVARIANT: The entries of a span are an array, which lives as long as the RCU read lock
        // is held. Pages are found in the span that they are in.
        Ok(Entries {
            first_pfn: span.first,
            more: last.wrapping_sub(span.first),
            // SAFETY: It points into an array.
            first: unsafe { NonNull::new_unchecked(first.cast()) },
            // SAFETY: Set during boot, constant afterwards.
            stride: unsafe { bindings::page_ext_size },
            data: PhantomData,
        })
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
        self.first_pfn + self.more
    }

    /// The entry of a page, or of the last page if that one has no entry here.
    #[inline]
    pub fn entry(&self, pfn: usize) -> &'a T {
        let index = pfn.wrapping_sub(self.first_pfn).min(self.more);
        // SAFETY: By the type invariants, since the page is in range, its data lies that many
        // bytes behind the first, and is valid for `'a`.
        unsafe { self.first.byte_add(index * self.stride).as_ref() }
    }
}
