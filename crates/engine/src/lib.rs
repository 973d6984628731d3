//! The accounting of dmasan: how many live IOMMU translations reach a CPU page, and what follows.
//!
//! The crate is `no_std`, allocates nothing and depends on nothing. It knows neither Linux, nor a
//! particular atomic type, nor where counts are stored: those come in through [`Cell`] and
//! [`Store`]. The folder `engine/` below is compiled twice from the same files: here, where `cargo
//! test` can reach it, and inside the kernel, where it is a module of the driver that speaks to
//! `page_ext`.
#![no_std]

mod engine;
#[cfg(kani)]
mod proofs;

pub use engine::*;
