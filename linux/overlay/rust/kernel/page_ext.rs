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
    mem::{align_of, size_of},
    ptr::NonNull, //
};

/// Pages whose entries are sure to follow one another, if the first of them is aligned to it.
const SPAN_PAGES: usize = bindings::PAGE_EXT_PAGES_PER_SPAN;

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

    /// Finds the entries of the page `pfn` and of those behind it.
    ///
    /// Any number may be asked for. Returns [`Missing`] for device memory, offline memory, holes,
    /// and as long as page extensions are not set up.
    #[inline]
    pub fn entries<'a>(
        &'static self,
        _rcu: &'a rcu::Guard,
        pfn: usize,
    ) -> Result<Entries<'a, T>, Missing> {
        // SAFETY: Any number may be asked for.
        if unsafe { bindings::pfn_to_online_page(pfn) }.is_null() {
            return Err(Missing::from(pfn));
        }
        // SAFETY: The page exists, and the guard shows that the RCU read lock is held.
        let entry = unsafe { bindings::page_ext_lookup(pfn) };
        if entry.is_null() {
            return Err(Missing::from(pfn));
        }
        // SAFETY: By the type invariant the core has set the offset during boot, before there were
        // any entries, and does not change it again.
        let offset = unsafe { (*self.inner.get()).offset };
        // SAFETY: Every entry holds the data of every client, this one at `offset`.
        let first = unsafe { entry.byte_add(offset) };
        // INVARIANT: The entries of an aligned span are an array, which lives as long as the RCU
        // read lock is held.
        Ok(Entries {
            first_pfn: pfn,
            last_pfn: pfn | (SPAN_PAGES - 1),
            first: NonNull::new(first.cast()).ok_or_else(|| Missing::from(pfn))?,
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
    /// What is missing along with the entry of `pfn`.
    #[cold]
    fn from(pfn: usize) -> Self {
        // SAFETY: Any number may be asked for.
        let last = unsafe { bindings::page_ext_hole_end(pfn) };
        Self { last }
    }

    /// The next page that is worth asking for is the one behind this.
    pub fn last_pfn(self) -> usize {
        self.last
    }
}

/// The entries of some pages, in an array.
///
/// # Invariants
///
/// `first` is the data for `first_pfn`; the data of each page up to `last_pfn` lies
/// `page_ext_size` bytes behind that of the page before it, and all are valid for `'a`.
pub struct Entries<'a, T> {
    first_pfn: usize,
    last_pfn: usize,
    first: NonNull<T>,
    data: PhantomData<&'a T>,
}

impl<'a, T> Entries<'a, T> {
    /// The last page that has its entry here.
    #[inline]
    pub fn last_pfn(&self) -> usize {
        self.last_pfn
    }

    /// The entries of the pages from `first` to `last`, both included.
    ///
    /// Pages that have no entry here are left out.
    #[inline]
    pub fn range(&self, first: usize, last: usize) -> impl Iterator<Item = (usize, &'a T)> + '_ {
        // SAFETY: Set during boot, constant afterwards.
        let stride = unsafe { bindings::page_ext_size };
        let first = first.max(self.first_pfn);
        let last = last.min(self.last_pfn);

        (first..=last).map(move |pfn| {
            let bytes = (pfn - self.first_pfn) * stride;
            // SAFETY: By the type invariants, since `pfn` is in range, the data of its page lies
            // that many bytes behind the first, and is valid for `'a`.
            (pfn, unsafe { self.first.byte_add(bytes).as_ref() })
        })
    }
}
