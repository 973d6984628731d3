//! Every interleaving of the operations on a few pages and the blocks that they form, and every value
//! that relaxed loads may see.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p dmasan-engine --test loom --release`
#![cfg(loom)]

mod blocks;
mod machine;
mod page;
mod saturation;
mod sizes;
#[path = "../support/store.rs"]
mod store;
