//! A disk that is full: half a gigabyte of memory is one, in a mount namespace of its own, so that nothing of it outlives the lane.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{
    lane::{Ground, Unable, room, venv},
    run,
};

pub(crate) const NEEDS: &[(&str, &str)] = &[("python3", "python3-venv"), ("unshare", "util-linux"), ("mount", "mount")];

/// Mounts the small disk on `$1`, and becomes the words that follow.
const ON_A_SMALL_DISK: &str = "mount -t tmpfs -o size=512m tmpfs \"$1\" && shift && exec \"$@\"";

pub(crate) fn run(ground: &Ground) -> Result<String> {
    let disk = room(ground, "full-disk")?;
    let on_disk = || {
        let mut command = Command::new("unshare");
        // Who is not root is root in a namespace of users.
        command.args(["--map-root-user", "--mount", "sh", "-c", ON_A_SMALL_DISK, "sh"]).arg(&disk);
        command
    };
    run::quiet(on_disk().arg("true")).map_err(|error| Unable(format!("a file system of its own: {error:#}")))?;
    let venv = venv(ground, "python", super::python::PROGRAMS)?;
    let program = ground.root.join("conformance/python/full_disk.py");
    let mut command = on_disk();
    command.arg(venv.join("bin/python")).arg(program).arg(&ground.milena).arg(disk.join("data"));
    let output = command.output().context("cannot start the program")?;
    let text = String::from_utf8_lossy(&output.stdout);
    print!("{text}");
    let last = text.lines().last().unwrap_or("it printed nothing").to_string();
    if !output.status.success() {
        bail!("{last} {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(last)
}
