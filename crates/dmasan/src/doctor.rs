// SPDX-License-Identifier: Apache-2.0 OR MIT

//! `dmasan doctor`: what the machine has and lacks.

use dmasan_lab::Doctor;

use crate::cli::{Cli, DoctorArgs};
use crate::exit::Exit;
use crate::setup;
use crate::table::{cell, size_mib, table, Mood};

pub(crate) fn run(cli: &Cli, args: &DoctorArgs) -> anyhow::Result<Exit> {
    let (lab, _ui) = setup::lab(cli)?;
    let doctor = lab.doctor();
    if args.json {
        setup::print_json(&doctor)?;
    } else {
        tell(&doctor)?;
    }
    Ok(if doctor.can_run() {
        Exit::Good
    } else {
        Exit::Found
    })
}

fn download(mib: u64) -> String {
    if mib == 0 {
        "-".to_owned()
    } else {
        size_mib(mib)
    }
}

fn tell(doctor: &Doctor) -> anyhow::Result<()> {
    let mut tools = table(&["tool", "found", "wanted", ""]);
    for tool in &doctor.tools {
        let wanted = if tool.wanted.is_empty() {
            "any"
        } else {
            &tool.wanted
        };
        let (word, mood) = if tool.ok {
            ("ok", Mood::Good)
        } else {
            ("will not do", Mood::Plain)
        };
        tools.add_row([
            cell(&tool.name, Mood::Plain),
            cell(tool.found.as_deref().unwrap_or("-"), Mood::Plain),
            cell(wanted, Mood::Plain),
            cell(word, mood),
        ]);
    }
    setup::print(&tools.trim_fmt())?;
    setup::print(if doctor.tools_pass {
        "This machine's own tools will do."
    } else {
        "This machine's own tools will not do: a build root of Debian is used, in the cache."
    })?;

    let user = if doctor.root {
        "root"
    } else {
        "an ordinary user"
    };
    setup::print(&format!("\nuser    {user}"))?;
    setup::print(&format!(
        "cache   {} ({} free)",
        doctor.cache.display(),
        size_mib(doctor.free_mib)
    ))?;
    setup::print(&match &doctor.mirror {
        Ok(mirror) => format!("mirror  {mirror}"),
        Err(why) => format!("mirror  none: {why}"),
    })?;

    let qemu = doctor.qemu.as_deref();
    setup::print(&format!(
        "qemu    {}",
        qemu.unwrap_or("none; downloaded when a machine needs it")
    ))?;

    if doctor.to_do.is_empty() {
        setup::print("\nEverything is there: nothing to download.")?;
    } else {
        let mut to_do = table(&["to be made on first use", "download", "on disk"]);
        for item in &doctor.to_do {
            to_do.add_row([
                item.what.clone(),
                download(item.download_mib),
                size_mib(item.disk_mib),
            ]);
        }
        let downloads: u64 = doctor.to_do.iter().map(|item| item.download_mib).sum();
        let disk: u64 = doctor.to_do.iter().map(|item| item.disk_mib).sum();
        to_do.add_row(["in all".to_owned(), download(downloads), size_mib(disk)]);
        setup::print(&format!("\n{}", to_do.trim_fmt()))?;
    }

    if doctor.can_run() {
        return setup::print("\n`dmasan demo` can run here.");
    }
    setup::print("\nTo be put right by hand first:")?;
    for problem in &doctor.problems {
        setup::print(&format!("  {problem}"))?;
    }
    Ok(())
}
