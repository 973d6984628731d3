// SPDX-License-Identifier: GPL-2.0-only

//! Stacks: where in the code something happened, kept in a number.

use crate::moment::Comm;
use core::num::NonZeroU32;
use kernel::{
    bindings,
    ffi::{c_uint, c_ulong, c_void},
    fmt,
    prelude::*, //
};

/// Frames that are looked at.
const FRAMES: usize = 32;

/// The frames of the caller.
struct Frames {
    frames: [c_ulong; FRAMES],
    len: usize,
}

impl Frames {
    #[inline(never)]
    fn here() -> Self {
        let mut frames = [0; FRAMES];
        // SAFETY: There is room for as many frames as are asked for.
        // CAST: They are few.
        let len = unsafe { bindings::stack_trace_save(frames.as_mut_ptr(), FRAMES as c_uint, 1) };
        Self {
            frames,
            len: (len as usize).min(FRAMES),
        }
    }

    fn iter(&self) -> impl Iterator<Item = c_ulong> + '_ {
        self.frames.iter().copied().take(self.len)
    }
}

/// A stack in the stack depot, with the name of the task.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stack(NonZeroU32);

impl Stack {
    /// The stack of the caller. `None` if there is no memory for it.
    pub(crate) fn save() -> Option<Self> {
        const LEN: usize = Comm::WORDS + FRAMES;
        let frames = Frames::here();
        let mut entries = [0; LEN];
        let all = Iterator::chain(Comm::current().words().into_iter(), frames.iter());
        for (entry, word) in entries.iter_mut().zip(all) {
            *entry = word;
        }
        // CAST: There are few.
        let len = (Comm::WORDS + frames.len) as c_uint;
        let gfp = bindings::GFP_NOWAIT | bindings::__GFP_NOWARN;
        // SAFETY: As many entries as said are there.
        Self::from_number(unsafe { bindings::stack_depot_save(entries.as_mut_ptr(), len, gfp) })
    }

    /// What stands for it, never 0.
    pub(crate) fn number(self) -> u32 {
        self.0.get()
    }

    /// The stack that a number stands for.
    pub(crate) fn from_number(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }

    fn entries(self) -> &'static [c_ulong] {
        let mut entries = core::ptr::null_mut();
        // SAFETY: The number came from the depot, which forgets nothing that it was not told to.
        unsafe {
            let len = bindings::stack_depot_fetch(self.number(), &mut entries);
            if entries.is_null() {
                return &[];
            }
            // CAST: Never more than were saved.
            core::slice::from_raw_parts(entries, len as usize)
        }
    }

    /// The name of the task.
    pub(crate) fn comm(self) -> Comm {
        Comm::from_words(self.entries())
    }

    /// The function that has asked for something.
    pub(crate) fn culprit(self) -> Option<Frame> {
        first_of_others(self.entries().iter().skip(Comm::WORDS).copied())
    }

    /// Calls `visit` for the frames, from the first that is not the sanitizer's.
    pub(crate) fn for_each(self, visit: impl FnMut(Frame)) {
        let frames = self.entries().iter().skip(Comm::WORDS);
        for_each_frame(frames.copied(), visit);
    }
}

/// The same for the frames of the caller.
pub(crate) fn for_each_here(visit: impl FnMut(Frame)) {
    for_each_frame(Frames::here().iter(), visit);
}

fn for_each_frame(frames: impl Iterator<Item = c_ulong>, visit: impl FnMut(Frame)) {
    let is_ours = |frame: &Frame| frame.is_ours() || frame.begins_with(CAPTURE);
    frames.map(Frame::new).skip_while(is_ours).for_each(visit);
}

/// The name of a function, how far in it, and its module.
pub(crate) struct Frame {
    text: [u8; 192],
    len: usize,
}

impl Frame {
    fn new(address: c_ulong) -> Self {
        let mut text = [0; 192];
        // CAST: An address.
        let address = address as *const c_void;
        // SAFETY: There is room for as many letters as said, and the format asks for a pointer.
        let len = unsafe {
            bindings::scnprintf(
                text.as_mut_ptr().cast(),
                text.len(),
                c"%pS".as_char_ptr(),
                address,
            )
        };
        Self {
            text,
            len: usize::try_from(len).unwrap_or(0),
        }
    }

    fn text(&self) -> &[u8] {
        self.text.get(..self.len).unwrap_or(&[])
    }

    /// Whether it is a function of the sanitizer.
    fn is_ours(&self) -> bool {
        let text = self.text();
        text.starts_with(b"__iommu_debug_")
            || text.starts_with(b"iommu_debug_")
            || crate_of(text) == Some(b"iommu_debug_pagealloc".as_slice())
    }

    fn begins_with(&self, names: &[&[u8]]) -> bool {
        names.iter().any(|name| self.text().starts_with(name))
    }

    /// Whether it only does what others ask for.
    fn is_service(&self) -> bool {
        self.is_ours()
            || self.begins_with(CAPTURE)
            || self.begins_with(SERVICES)
            || crate_of(self.text()).is_some_and(|name| CRATES.contains(&name))
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.text() {
            f.write_fmt(fmt!("{}", char::from(*byte)))?;
        }
        Ok(())
    }
}

/// The first function on the stack of the caller that has asked the page allocator, the DMA API or
/// the IOMMU core for something. Bugs are told apart by it.
pub(crate) fn culprit() -> Option<Frame> {
    first_of_others(Frames::here().iter())
}

fn first_of_others(frames: impl Iterator<Item = c_ulong>) -> Option<Frame> {
    frames.map(Frame::new).find(|frame| !frame.is_service())
}

/// The crate that the name of a Rust function begins in. Names are mangled.
fn crate_of(name: &[u8]) -> Option<&[u8]> {
    let name = name.strip_prefix(b"_R")?;
    // `Cs`, what tells crates of one name apart, `_`, the length of the name, the name.
    let start = name.windows(2).position(|two| two == b"Cs")?;
    let name = name.get(start..)?;
    let name = name.get(name.iter().position(|byte| *byte == b'_')? + 1..)?;
    let digits = name.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (len, name) = name.split_at_checked(digits)?;
    let len = len.iter().fold(0, |len, digit| {
        usize::wrapping_add(10 * len, usize::from(digit - b'0'))
    });
    name.get(..len)
}

/// Crates that do what others ask for.
const CRATES: &[&[u8]] = &[b"core", b"alloc", b"kernel", b"pin_init"];

/// How names of functions begin that look at the stack.
const CAPTURE: &[&[u8]] = &[b"stack_trace_", b"arch_stack_walk", b"save_stack"];

/// How names of functions begin that do what others ask for.
const SERVICES: &[&[u8]] = &[
    // The IOMMU core, page tables, drivers of IOMMUs.
    b"iommu_",
    b"__iommu_",
    b"iommufd_",
    b"pt_iommu_",
    b"amdv1_",
    b"vtdss_",
    b"riscv_64_",
    b"x86_64_deinit",
    b"x86_64_unmap_",
    b"__map_",
    b"__unmap_",
    b"arm_lpae_",
    b"__arm_lpae_",
    b"arm_v7s_",
    b"__arm_v7s_",
    b"free_io_pgtable_ops",
    b"arm_smmu_",
    b"amd_iommu_",
    b"intel_iommu_",
    b"riscv_iommu_",
    b"viommu_",
    // The DMA API.
    b"dma_map_",
    b"__dma_map_",
    b"dma_unmap_",
    b"dma_alloc_",
    b"__dma_alloc_",
    b"dma_free_",
    b"__dma_free_",
    b"dma_iova_",
    b"dma_common_",
    b"dma_pool_",
    b"dma_vmap_",
    b"dma_vunmap_",
    b"dmam_",
    b"swiotlb_",
    b"blk_dma_map_",
    b"blk_rq_dma_map_",
    b"blk_rq_integrity_dma_",
    // The page allocator.
    b"__free_",
    b"___free_",
    b"free_pages",
    b"free_unref_",
    b"free_frozen_",
    b"free_contig_",
    b"free_large_",
    b"free_the_page",
    b"__alloc_",
    b"alloc_pages",
    b"alloc_frozen_",
    b"alloc_contig_",
    b"__get_free_",
    b"get_free_pages",
    b"get_zeroed_page",
    b"get_page_from_freelist",
    b"prep_new_page",
    b"post_alloc_hook",
    b"rmqueue",
    b"__rmqueue",
    b"folio_put",
    b"__folio_put",
    b"folios_put",
    b"folio_alloc",
    b"__folio_alloc",
    b"put_page",
    b"release_pages",
    b"page_frag_",
    b"__page_frag_",
    b"page_pool_",
    b"__page_pool_",
    b"cma_",
    b"__cma_",
    // What stands on it.
    b"kmalloc",
    b"__kmalloc",
    b"___kmalloc",
    b"kmem_cache_",
    b"__kmem_cache_",
    b"krealloc",
    b"kfree",
    b"kvfree",
    b"kvmalloc",
    b"__kvmalloc",
    b"vmalloc",
    b"__vmalloc",
    b"vfree",
    b"__vfree",
    b"vrealloc",
    b"slab_",
    b"__slab_",
    b"___slab_",
    b"allocate_slab",
    b"new_slab",
    b"free_slab",
    b"discard_slab",
    b"mempool_",
    b"skb_release_",
    b"skb_free_",
    b"skb_page_frag_",
    b"sk_page_frag_",
    b"sk_skb_reason_drop",
    b"__kfree_skb",
    b"consume_skb",
    b"napi_consume_skb",
    b"__napi_kfree_skb",
    b"rust_helper_",
    b"__rust_",
];
