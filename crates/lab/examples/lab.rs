// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Tries the lab by hand: `lab kernel rust|c [DIR]`, `lab boot rust|c [--module PATH] CMD...`,
//! `lab doctor`, `lab clean builds|all`.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use dmasan_lab::{
    CleanWhat, Guest, GuestModule, KernelRequest, Lab, LabError, MachineKind, Progress, Step,
};

struct Lines;

struct Line(String, Instant, Mutex<u64>);

impl Progress for Lines {
    fn begin(&self, title: &str) -> Box<dyn Step> {
        eprintln!("{title} ...");
        Box::new(Line(title.to_owned(), Instant::now(), Mutex::new(0)))
    }

    fn note(&self, text: &str) {
        eprintln!("note: {text}");
    }
}

impl Step for Line {
    fn set_total(&mut self, n: u64) {
        eprintln!("{}: of {n}", self.0);
    }

    fn advance_to(&mut self, n: u64) {
        self.2 = Mutex::new(n);
    }

    fn message(&mut self, _m: &str) {}

    fn finish(self: Box<Self>, outcome: &str) {
        let units = self.2.lock().map_or(0, |units| *units);
        eprintln!(
            "{}: {outcome} ({units} units, {:.1} s)",
            self.0,
            self.1.elapsed().as_secs_f64()
        );
    }
}

fn main() {
    if let Err(error) = run() {
        eprintln!("error: {error}");
        std::process::exit(2);
    }
}

fn run() -> Result<(), LabError> {
    let lab = Lab::open(None, Arc::new(Lines))?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["doctor"] => println!("{:#?}", lab.doctor()),
        ["clean", "all"] => println!("{:#?}", lab.clean(CleanWhat::All)?),
        ["clean", _] => println!("{:#?}", lab.clean(CleanWhat::Builds)?),
        [verb, implementation, ref rest @ ..] => {
            let Ok(implementation) = implementation.parse() else {
                return Ok(());
            };
            let mut request = KernelRequest::new(MachineKind::Uml, implementation);
            if verb == "kernel" {
                request.linux = rest.first().map(Into::into);
            }
            let start = Instant::now();
            let kernel = lab.kernel(&request)?;
            eprintln!("{kernel:#?} in {:.3} s", start.elapsed().as_secs_f64());
            if verb == "boot" {
                let mut guest = Guest {
                    append: vec!["iommu.debug_pagealloc=1".into(), "page_owner=on".into()],
                    ..Guest::default()
                };
                let mut rest = rest;
                while let ["--module", path, more @ ..] = rest {
                    let (path, params) = path.split_once(':').unwrap_or((path, ""));
                    let modules = if path == "zoo" {
                        vec![lab.zoo(&kernel)?]
                    } else {
                        lab.module(&kernel, path.as_ref())?
                    };
                    guest
                        .modules
                        .extend(modules.into_iter().map(|path| GuestModule {
                            path,
                            params: params.replace(',', " "),
                        }));
                    rest = more;
                }
                guest.command = rest.iter().map(ToString::to_string).collect();
                let boot = lab.boot(&kernel, &guest, &mut |line| println!("{line}"))?;
                eprintln!(
                    "exit {:?}, timed out {}, panicked {}, {:.3} s, {}",
                    boot.exit,
                    boot.timed_out,
                    boot.panicked,
                    boot.seconds,
                    boot.log.display()
                );
            }
        }
        _ => eprintln!("usage: lab kernel|boot|doctor|clean ..."),
    }
    Ok(())
}
