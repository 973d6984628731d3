// SPDX-License-Identifier: Apache-2.0 OR MIT

//! From a bare machine to a booted kernel: build root, kernel sources, kernel builds, modules,
//! machines.
//!
//! ```no_run
//! use std::sync::Arc;
//! use dmasan_lab::{Guest, Implementation, KernelRequest, Lab, MachineKind, Quiet};
//!
//! let lab = Lab::open(None, Arc::new(Quiet))?;
//! let kernel = lab.kernel(&KernelRequest::new(MachineKind::Uml, Implementation::Rust))?;
//! let guest = Guest { command: vec!["uname".into(), "-r".into()], ..Guest::default() };
//! let boot = lab.boot(&kernel, &guest, &mut |line| println!("{line}"))?;
//! assert_eq!(boot.exit, Some(0));
//! # Ok::<(), dmasan_lab::LabError>(())
//! ```
//!
//! The lab knows nothing of what the sanitizer does. Everything that is expensive is kept in a
//! cache, is made aside and renamed when complete, and is known to be up to date without running
//! `make`. See [`Lab`] for what can be asked.

mod assets;
mod cache;
mod clean;
mod debian;
mod digest;
mod doctor;
mod emulator;
mod error;
mod files;
mod interrupt;
mod kernel;
mod lab;
mod lockfile;
mod machine;
mod module;
mod namespace;
mod native;
mod process;
mod processor;
mod program;
mod progress;
mod root;
pub mod series;
mod source;
mod tree;
mod world;

pub use clean::{CleanReport, CleanWhat};
pub use doctor::{Doctor, ToDo};
pub use error::LabError;
pub use interrupt::interrupt;
pub use kernel::{Implementation, Kernel, KernelRequest, UnknownName};
pub use lab::{Lab, RootCommand};
pub use machine::{Board, Boot, Device, Guest, GuestModule, MachineKind};
pub use module::OwnModule;
pub use native::Tool;
pub use progress::{Progress, Quiet, Step};
pub use source::SourceInfo;
