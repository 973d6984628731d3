// SPDX-License-Identifier: Apache-2.0 OR MIT

//! One file with functions in it: a kernel or a module.

use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use anyhow::{anyhow, bail, Context};
use dmasan_report::Frame;
use object::read::ReadCache;
use object::{Object, ObjectSection};

use super::dwarf::{self, Lines};
use super::layout::Layout;
use super::table::{Found, Function, Table};

/// How many bytes before a place without a line there may be one for it.
const NEAR: u64 = 64;

/// A kernel or a module.
pub(super) struct Image {
    path: PathBuf,
    table: Table,
    lines: Option<Lines>,
    /// The kernel tree that it was built from.
    root: Option<PathBuf>,
    release: Option<String>,
}

/// A place in the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) function: Option<String>,
    pub(super) file: PathBuf,
    pub(super) line: Option<u32>,
    /// Whether that is only the last one before.
    pub(super) near: bool,
}

/// What has become of a frame.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Resolved {
    /// The innermost inlined function first.
    pub(super) places: Vec<Place>,
    /// Why that is nothing, or not to be relied on.
    pub(super) doubt: Option<String>,
}

impl Image {
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let file = File::open(path).with_context(|| format!("cannot open {shown}"))?;
        refuse_others(&file, path)?;
        let cache = ReadCache::new(&file);
        let object = object::File::parse(&cache)
            .with_context(|| format!("{shown} is damaged or cut off: it is no whole ELF file"))?;
        let layout = Layout::new(&object);
        let table = Table::new(&object, &layout);
        let lines = if dwarf::is_there(&object) {
            let lines = dwarf::load(&file, &object, &layout)
                .with_context(|| format!("cannot read the debug information of {shown}"))?;
            Some(lines)
        } else {
            None
        };
        if table.is_empty() {
            bail!(
                "{shown} has no symbols, it was stripped: take the vmlinux of the build folder, or \
                 of the distribution's package of debug symbols"
            );
        }
        let mut image = Self {
            path: path.to_owned(),
            release: release(&object),
            table,
            lines,
            root: None,
        };
        image.root = image.find_root();
        Ok(image)
    }

    /// As [`Image::open`], for a file that may have no debug information and is of no use then.
    pub(super) fn with_lines(path: &Path) -> anyhow::Result<Option<Self>> {
        let shown = path.display();
        let file = File::open(path).with_context(|| format!("cannot open {shown}"))?;
        let cache = ReadCache::new(&file);
        let there = object::File::parse(&cache).is_ok_and(|object| dwarf::is_there(&object));
        there.then(|| Self::open(path)).transpose()
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether places in the source are known.
    pub(super) fn has_lines(&self) -> bool {
        self.lines.is_some()
    }

    /// The kernel tree, as the debug information names it.
    pub(super) fn root(&self) -> Option<&Path> {
        self.root.as_deref()
    }

    /// The kernel's release, or the one that the module is for.
    pub(super) fn release(&self) -> Option<&str> {
        self.release.as_deref()
    }

    /// Whether there is a function like that of the frame.
    pub(super) fn has(&self, frame: &Frame) -> bool {
        matches!(self.table.find(frame), Found::Functions(_))
    }

    /// Where a frame is in the source.
    pub(super) fn resolve(&self, frame: &Frame) -> Resolved {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        match self.table.find(frame) {
            Found::Nothing => Resolved {
                places: Vec::new(),
                doubt: Some(format!("not in {name}")),
            },
            Found::WrongLength(function) => Resolved {
                places: self.places(function, frame),
                doubt: Some(format!(
                    "{:#x} bytes long in {name}, so perhaps not the same",
                    function.length()
                )),
            },
            Found::Functions(functions) => self.choose(&functions, frame, &name),
        }
    }

    /// The place that all of several functions agree on, or what they are.
    fn choose(&self, functions: &[Function], frame: &Frame, name: &str) -> Resolved {
        let mut found: Vec<Vec<Place>> = Vec::new();
        for function in functions {
            let places = self.places(*function, frame);
            if !found.contains(&places) {
                found.push(places);
            }
        }
        if found.len() == 1 {
            let places = found.pop().unwrap_or_default();
            let doubt = if functions.len() > 1 && places.is_empty() {
                let count = functions.len();
                Some(format!(
                    "one of {count} functions of this name and length in {name}"
                ))
            } else {
                let near = places.last().is_some_and(|place| place.near);
                near.then(|| "the compiler names no line here, but this one before".to_owned())
            };
            return Resolved { places, doubt };
        }
        let outermost = |places: &Vec<Place>| {
            let place = places.last()?;
            let line = place
                .line
                .map(|line| format!(":{line}"))
                .unwrap_or_default();
            let file = self
                .root()
                .and_then(|root| place.file.strip_prefix(root).ok());
            Some(format!("{}{line}", file.unwrap_or(&place.file).display()))
        };
        let shown: Vec<String> = found.iter().filter_map(outermost).take(4).collect();
        Resolved {
            places: Vec::new(),
            doubt: Some(format!(
                "one of {} functions of this name and length in {name}: {}",
                functions.len(),
                shown.join(", ")
            )),
        }
    }

    /// The place of a frame in a function, with what is inlined there.
    fn places(&self, function: Function, frame: &Frame) -> Vec<Place> {
        // A stack has the places where calls return to; the call is before that.
        let offset = frame.offset.saturating_sub(1);
        let at = |offset| {
            // Damaged debug information is as good as none.
            let address = function.address.wrapping_add(offset);
            self.places_at(address).unwrap_or_default()
        };
        let mut places = at(offset);
        // Compilers give no line to code that belongs to several; the one before is near.
        for back in 1..=NEAR.min(offset) {
            if places.iter().all(|place| place.line.is_some()) {
                break;
            }
            let before = at(offset - back);
            for (place, before) in places.iter_mut().rev().zip(before.into_iter().rev()) {
                if (&place.function, &place.file) != (&before.function, &before.file) {
                    break;
                }
                if place.line.is_none() && before.line.is_some() {
                    place.line = before.line;
                    place.near = true;
                }
            }
        }
        places
    }

    fn places_at(&self, address: u64) -> Result<Vec<Place>, gimli::Error> {
        let Some(lines) = &self.lines else {
            return Ok(Vec::new());
        };
        let mut places = Vec::new();
        let mut frames = lines.find_frames(address).skip_all_loads()?;
        while let Some(frame) = frames.next()? {
            let Some(location) = frame.location else {
                continue;
            };
            let name = frame.function.and_then(|function| {
                let name = function.raw_name().ok()?;
                Some(format!("{:#}", rustc_demangle::demangle(&name)))
            });
            places.extend(location.file.map(|file| Place {
                function: name,
                file: normal(Path::new(file)),
                line: location.line,
                near: false,
            }));
        }
        Ok(places)
    }

    /// Every kernel begins in `init/main.c`.
    fn find_root(&self) -> Option<PathBuf> {
        let start = self.table.named("start_kernel").next()?;
        let places = self.places_at(start.address).ok()?;
        let file = &places.last()?.file;
        let root = file.to_str()?.strip_suffix("init/main.c")?;
        Some(PathBuf::from(root))
    }
}

/// Says what a file is that is not the one with the symbols.
fn refuse_others(file: &File, path: &Path) -> anyhow::Result<()> {
    let shown = path.display();
    let mut head = Vec::new();
    let read = file.take(0x210).read_to_end(&mut head);
    read.with_context(|| format!("cannot read {shown}"))?;
    let starts = |magic: &[u8]| head.starts_with(magic);
    if starts(b"\x7fELF") {
        return Ok(());
    }
    let bootable = head.get(0x202..0x206) == Some(b"HdrS") || starts(b"MZ");
    if bootable || head.get(0x38..0x3c) == Some(b"ARM\x64") {
        bail!(
            "{shown} is the image that is booted, which has no symbols: take the file vmlinux of \
             the build folder, or of the distribution's package of debug symbols"
        );
    }
    let packed: [(&[u8], &str); 3] = [
        (b"\x1f\x8b", "gzip -dk"),
        (b"\xfd7zXZ", "xz -dk"),
        (b"\x28\xb5\x2f\xfd", "zstd -dk"),
    ];
    match packed.iter().find(|(magic, _)| starts(magic)) {
        Some((_, tool)) => Err(anyhow!("{shown} is compressed: unpack it with `{tool}`")),
        None => Err(anyhow!(
            "{shown} is not an ELF file, so neither a vmlinux nor a module"
        )),
    }
}

/// What the kernel says of itself when it starts, or the module of the kernel that it is for.
fn release<'data>(object: &impl Object<'data>) -> Option<String> {
    const MARKS: [(&str, &str); 2] = [(".rodata", "Linux version "), (".modinfo", "vermagic=")];
    MARKS.iter().find_map(|(section, mark)| {
        let data = object.section_by_name(section)?.uncompressed_data().ok()?;
        let at = memchr::memmem::find(&data, mark.as_bytes())? + mark.len();
        let rest = data.get(at..)?;
        let word = rest.split(|byte| matches!(byte, 0 | b' ')).next()?;
        let word = std::str::from_utf8(word).ok()?;
        word.starts_with(|c: char| c.is_ascii_digit())
            .then(|| word.to_owned())
    })
}

/// A path without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if normal.file_name().is_some() => {
                normal.pop();
            }
            part => normal.push(part),
        }
    }
    normal
}
