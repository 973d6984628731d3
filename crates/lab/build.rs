// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Embeds the kernel series, the configurations and the modules, so that an installed `dmasan`
//! works without the checkout it came from.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Embedded folders and files: where they lie in the checkout, and their name inside.
const EMBEDDED: &[(&str, &str)] = &[
    // Not the bugs: they are for the project's own tests.
    ("linux/configs", "linux/configs"),
    ("linux/overlay", "linux/overlay"),
    ("linux/patches", "linux/patches"),
    ("linux/lab.lock.toml", "linux/lab.lock.toml"),
    ("linux/series.toml", "linux/series.toml"),
    ("crates/engine/src/engine", "engine"),
    ("zoo", "zoo"),
    ("modules/bench", "bench"),
    ("modules/stress", "stress"),
    ("modules/edu", "edu"),
    // Part of both, by a link.
    ("modules/shared", "shared"),
];

/// Endings of what a build in place leaves behind; never part of a source.
const LEFTOVERS: &[&str] = &[
    ".o", ".ko", ".mod", ".mod.c", ".cmd", ".order", ".symvers", ".orig", ".rej", ".swp", "~",
];

fn main() -> io::Result<()> {
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or(io::ErrorKind::NotFound)?);
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?);
    let checkout = manifest.join("../..").canonicalize()?;

    let mut files = Vec::new();
    for (folder, name) in EMBEDDED {
        let path = checkout.join(folder);
        // A missing folder is watched through its parent.
        let watched = if path.exists() {
            path.as_path()
        } else {
            path.parent().unwrap_or(&path)
        };
        println!("cargo:rerun-if-changed={}", watched.display());
        collect(&path, name, &mut files)?;
    }
    files.sort();

    let mut code = String::from("static FILES: &[(&str, &[u8])] = &[\n");
    for (name, path) in files {
        // `{:?}` quotes as Rust does.
        writeln!(code, "    ({name:?}, include_bytes!({path:?})),").map_err(io::Error::other)?;
    }
    code.push_str("];\n");
    fs::write(out.join("embedded.rs"), code)
}

fn collect(path: &Path, name: &str, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    if path.is_file() {
        files.push((name.to_owned(), path.to_owned()));
    } else if path.is_dir() {
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            let file_name = entry.file_name();
            let file_name = file_name.to_string_lossy();
            if file_name.starts_with('.') || LEFTOVERS.iter().any(|end| file_name.ends_with(end)) {
                continue;
            }
            collect(&entry.path(), &format!("{name}/{file_name}"), files)?;
        }
    }
    Ok(())
}
