// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Looks up frames in files that a compiler has just made.

use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use object::{Object, ObjectSymbol};
use proptest::prelude::*;
use tempfile::TempDir;

use super::image::{Image, Resolved};
use super::*;

/// A label where a call would return to; lines are counted from here.
const HEADER: &str = r#"
static inline __attribute__((always_inline)) int inlined(int x)
{
	__asm__ volatile("mark_inlined: nop" : "+r" (x));
	return x + 1;
}
"#;

const MAIN: &str = r#"#include "../include/inlined.h"
int other(int x);
static __attribute__((noinline, noclone, used)) int twin(int x)
{
	__asm__ volatile("nop; nop; nop; nop; nop; nop; nop; nop; mark_twin: nop" : "+r" (x));
	return x * 3;
}
static __attribute__((noinline, noclone, used)) int same(int x)
{
	__asm__ volatile("nop; nop" : "+r" (x));
	return x;
}
int start_kernel(int x)
{
	return twin(x) + same(x) + other(inlined(x));
}
"#;

const OTHER: &str = r#"
static __attribute__((noinline, noclone, used)) int twin(int x)
{
	__asm__ volatile("nop" : "+r" (x));
	return x;
}
static __attribute__((noinline, noclone, used)) int same(int x)
{
	__asm__ volatile("nop; nop" : "+r" (x));
	return x;
}
int other(int x)
{
	return twin(x) + same(x);
}
"#;

/// Where functions begin: on which of these lines is the compiler's business.
const MAIN_TWIN: RangeInclusive<u32> = 3..=5;
const MAIN_SAME: RangeInclusive<u32> = 8..=10;
const MAIN_START: RangeInclusive<u32> = 13..=15;
const OTHER_TWIN: RangeInclusive<u32> = 2..=4;

const RUST: &str = r#"
#[inline(always)]
fn innermost(x: u64) -> u64 {
    core::hint::black_box(x)
}

#[inline(never)]
pub fn bug(x: u64) -> u64 {
    innermost(x) + 1
}
"#;

/// A source tree, and what a command made of it.
struct Built {
    folder: TempDir,
}

impl Built {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in [
            ("include/inlined.h", HEADER),
            ("init/main.c", MAIN),
            ("init/other.c", OTHER),
            ("drivers/buggy.rs", RUST),
            (".config", "CONFIG_MODULES=y\n"),
        ] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, line: &str) {
        let mut words = line.split(' ');
        let program = words.next().expect("a program");
        let mut command = Command::new(program);
        command.args(words).current_dir(self.folder.path());
        let status = command
            .status()
            .unwrap_or_else(|error| panic!("{line}: {error}"));
        assert!(status.success(), "{line}");
    }

    /// A program that passes for a kernel.
    fn kernel(&self, options: &str) -> PathBuf {
        self.run(&format!(
            "cc -O2 {options} -ffreestanding -fno-asynchronous-unwind-tables -nostdlib -static \
             -Wl,-e,start_kernel -Wl,--build-id=none -o vmlinux init/main.c init/other.c"
        ));
        self.path("vmlinux")
    }

    /// An object file, which is what a module is.
    fn module(&self, options: &str) -> PathBuf {
        self.run(&format!(
            "cc -O2 {options} -ffunction-sections -c -o my-mod.ko init/main.c"
        ));
        self.path("my-mod.ko")
    }

    fn rust_module(&self) -> PathBuf {
        self.run(
            "rustc -O -g --crate-type=lib --crate-name=buggy -C symbol-mangling-version=v0 \
             -C codegen-units=1 --emit=obj=buggy.ko drivers/buggy.rs",
        );
        self.path("buggy.ko")
    }
}

/// Address and size of the nth symbol of a name that has this in it.
fn symbol(path: &Path, name: &str, nth: usize) -> (u64, u64, String) {
    let data = fs::read(path).expect("the file");
    let file = object::File::parse(&*data).expect("an ELF file");
    let mut found = file
        .symbols()
        .filter(|s| s.name().is_ok_and(|n| n.contains(name)));
    let symbol = found.nth(nth).unwrap_or_else(|| panic!("no {name}"));
    let name = symbol.name().expect("a name").to_owned();
    (symbol.address(), symbol.size(), name)
}

fn frame(symbol: &str, offset: u64, length: u64) -> Frame {
    let title = format!("BUG: DMASAN: unmap-underflow in {symbol}+{offset:#x}/{length:#x}");
    let lines = [
        title,
        "Call Trace:".to_owned(),
        format!(" {symbol}+{offset:#x}/{length:#x}"),
    ];
    let log = dmasan_report::Log::parse(lines);
    log.reports[0].stack.frames[0].clone()
}

fn shown(resolved: &Resolved) -> Vec<String> {
    let place = |p: &image::Place| {
        let file = p.file.file_name().unwrap_or_default().to_string_lossy();
        format!(
            "{} {file}:{}",
            p.function.as_deref().unwrap_or("?"),
            p.line.unwrap_or(0)
        )
    };
    resolved.places.iter().map(place).collect()
}

/// The places without their lines, if these are the right ones.
fn within(shown: &[String], lines: &RangeInclusive<u32>) -> Vec<String> {
    let right = |place: &String| {
        let (place, line) = place.split_once(':')?;
        lines
            .contains(&line.parse().ok()?)
            .then(|| place.to_owned())
    };
    shown
        .iter()
        .map(|place| right(place).unwrap_or_else(|| place.clone()))
        .collect()
}

#[test]
fn a_place_is_found_through_inlined_functions() {
    let built = Built::new();
    for options in ["-gdwarf-4", "-gdwarf-5", "-gdwarf-5 -gz=zlib"] {
        let path = built.kernel(options);
        let image = Image::open(&path).expect("a kernel");
        let (start, length, _) = symbol(&path, "start_kernel", 0);
        let (mark, _, _) = symbol(&path, "mark_inlined", 0);
        // A call returns to what comes after it.
        let resolved = image.resolve(&frame("start_kernel", mark + 1 - start, length));
        let expected = ["inlined inlined.h:4", "start_kernel main.c:15"];
        assert_eq!(shown(&resolved), expected, "{options}");
        assert_eq!(resolved.doubt, None);
        assert_eq!(image.root(), Some(built.folder.path()));
    }
}

#[test]
fn functions_of_one_name_are_told_apart_by_their_lengths() {
    let built = Built::new();
    let path = built.kernel("-g");
    let image = Image::open(&path).expect("a kernel");
    let lengths = [symbol(&path, "twin", 0).1, symbol(&path, "twin", 1).1];
    // One of the two is `mark_twin`, which has none.
    let all: Vec<u64> = (0..3).map(|nth| symbol(&path, "twin", nth).1).collect();
    let mut lengths: Vec<u64> = all.into_iter().chain(lengths).filter(|l| *l > 0).collect();
    lengths.sort_unstable();
    lengths.dedup();
    let [short, long] = lengths[..] else {
        panic!("{lengths:?}")
    };
    let file = |length| shown(&image.resolve(&frame("twin", 1, length)));
    assert_eq!(within(&file(short), &OTHER_TWIN), ["twin other.c"]);
    assert_eq!(within(&file(long), &MAIN_TWIN), ["twin main.c"]);

    let (_, length, _) = symbol(&path, "same", 0);
    let ambiguous = image.resolve(&frame("same", 1, length));
    assert!(ambiguous.places.is_empty());
    let doubt = ambiguous.doubt.expect("a doubt");
    assert!(
        doubt.contains("one of 2 functions") && doubt.contains("init/other.c:"),
        "{doubt}"
    );
}

#[test]
fn a_function_of_another_build_is_doubted() {
    let built = Built::new();
    let image = Image::open(&built.kernel("-g")).expect("a kernel");
    let longer = image.resolve(&frame("start_kernel", 1, 0x4000));
    assert!(longer
        .doubt
        .is_some_and(|doubt| doubt.contains("bytes long in vmlinux")));
    let unknown = image.resolve(&frame("no_such_function", 1, 0x40));
    assert_eq!(unknown.doubt.as_deref(), Some("not in vmlinux"));
    assert!(unknown.places.is_empty());
}

#[test]
fn modules_are_relocated() {
    let built = Built::new();
    for options in ["-gdwarf-4", "-gdwarf-5"] {
        let path = built.module(options);
        let image = Image::open(&path).expect("a module");
        // Every function is in a section of its own, all of which begin at 0 in the file.
        for (name, lines) in [("same", MAIN_SAME), ("start_kernel", MAIN_START)] {
            let (_, length, _) = symbol(&path, name, 0);
            let found = shown(&image.resolve(&frame(name, 1, length)));
            assert_eq!(
                within(&found, &lines),
                [format!("{name} main.c")],
                "{options}"
            );
        }
    }
}

#[test]
fn names_in_rust_are_found_mangled_and_readable() {
    let built = Built::new();
    let path = built.rust_module();
    let image = Image::open(&path).expect("a module");
    let (_, length, mangled) = symbol(&path, "3bug", 0);
    for name in [mangled.as_str(), "buggy::bug"] {
        let resolved = image.resolve(&frame(name, 2, length));
        assert_eq!(resolved.doubt, None, "{name}");
        let last = shown(&resolved).pop().expect("a place");
        assert!(last.starts_with("buggy::bug buggy.rs:"), "{last}");
    }
}

#[test]
fn without_debug_information_functions_are_checked_and_a_hint_says_how_to_get_it() {
    let built = Built::new();
    let path = built.kernel("-g0");
    let image = Image::open(&path).expect("a kernel");
    let (_, length, _) = symbol(&path, "start_kernel", 0);
    assert_eq!(
        image.resolve(&frame("start_kernel", 1, length)),
        Resolved::default()
    );
    assert!(image
        .resolve(&frame("start_kernel", 1, 0x4000))
        .doubt
        .is_some());

    let symbols = Symbols::open(Some(&path), None, None).expect("symbols");
    let hints = symbols.hints();
    assert!(
        hints[0].contains("CONFIG_DEBUG_INFO_DWARF_TOOLCHAIN_DEFAULT=y"),
        "{hints:?}"
    );
}

#[test]
fn reports_get_their_lines_and_the_text_of_them() {
    let built = Built::new();
    let (kernel, module) = (built.kernel("-g"), built.module("-g"));
    let (_, length, _) = symbol(&kernel, "start_kernel", 0);
    let (_, same, _) = symbol(&module, "same", 0);
    let mut report = dmasan_report::Log::parse([
        "BUG: DMASAN: unmap-underflow".to_owned(),
        "Call Trace:".to_owned(),
        format!(" start_kernel+0x1/{length:#x}"),
        format!(" same+0x1/{same:#x} [my_mod]"),
        " other+0x1/0x2 [unheard_of]".to_owned(),
    ])
    .reports
    .remove(0);
    // The build folder has both; the tree may have moved since.
    let moved = tempfile::tempdir().expect("a folder");
    fs::create_dir(moved.path().join("init")).expect("a folder");
    fs::rename(built.path("init/main.c"), moved.path().join("init/main.c")).expect("a file");
    let mut symbols =
        Symbols::open(Some(built.folder.path()), None, Some(moved.path())).expect("symbols");
    symbols.resolve(&mut report);
    let frames = &report.stack.frames;
    let source = frames[0].source.last().expect("a source");
    let line = source.line.expect("a line");
    assert_eq!(source.file, "init/main.c");
    assert!(MAIN_START.contains(&line), "{line}");
    let text = MAIN.lines().nth(line as usize - 1).expect("the line");
    assert_eq!(source.text.as_deref(), Some(text.trim()));
    assert_eq!(frames[1].source[0].file, "init/main.c");
    assert!(frames[2].source.is_empty());
    let hints = symbols.hints();
    assert!(
        hints
            .iter()
            .any(|hint| hint.starts_with("no unheard_of.ko")),
        "{hints:?}"
    );
}

#[test]
fn modules_are_not_looked_for_all_over_the_disk() {
    let built = Built::new();
    let path = built.kernel("-g");
    fs::remove_file(built.path(".config")).expect("a file");
    let mut symbols = Symbols::open(Some(&path), None, None).expect("symbols");
    assert!(symbols.modules.is_none());
    symbols.load("same");
    assert_eq!(
        symbols.hints(),
        ["--modules DIR shows where in the modules that is"]
    );
}

#[test]
fn files_that_have_no_symbols_are_named_for_what_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = |content: &[u8]| {
        let path = folder.path().join("file");
        fs::write(&path, content).expect("a file");
        format!("{:#}", Image::open(&path).err().expect("an error"))
    };
    let mut bootable = vec![0; 0x300];
    bootable[0x202..0x206].copy_from_slice(b"HdrS");
    for (content, words) in [
        (&b"hello"[..], "not an ELF file"),
        (b"", "not an ELF file"),
        (&bootable, "the image that is booted"),
        (b"\xfd7zXZ\0", "xz -dk"),
        (b"\x7fELF\x02\x01\x01\0", "cut off"),
    ] {
        let error = refused(content);
        assert!(error.contains(words), "{error}");
    }
    let built = Built::new();
    let path = built.kernel("-g -s");
    let error = format!("{:#}", Image::open(&path).err().expect("an error"));
    assert!(error.contains("stripped"), "{error}");
    let error = format!(
        "{:#}",
        Image::open(&built.path("none")).err().expect("an error")
    );
    assert!(error.contains("cannot open"), "{error}");
}

fn whole_module() -> &'static [u8] {
    static MODULE: OnceLock<Vec<u8>> = OnceLock::new();
    MODULE.get_or_init(|| fs::read(Built::new().module("-g")).expect("the module"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// A damaged file is an error or tells less; it is never the end of the program.
    #[test]
    fn damaged_files_do_no_harm(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..24),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut data = whole_module().to_vec();
        for (at, byte) in changes {
            let at = at.index(data.len());
            data[at] = byte;
        }
        if let Some(cut) = cut {
            data.truncate(cut.index(data.len()));
        }
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("m.ko");
        fs::write(&path, data).expect("a file");
        if let Ok(image) = Image::open(&path) {
            for name in ["twin", "same", "start_kernel"] {
                for offset in [0, 1, 9, u64::MAX] {
                    let resolved = image.resolve(&frame(name, offset, 0x20));
                    prop_assert!(resolved.places.len() < 100);
                }
            }
        }
    }
}
