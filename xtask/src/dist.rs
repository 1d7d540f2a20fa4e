//! What a release ships: the binary, the licence and the first page, pages for man(1), the unit for systemd, and whose work it
//! carries, in one archive below `target/dist/`.

mod guests;

use std::{fs, process::Command};

use anyhow::{Context, Result};

use crate::{lane::Ground, run};

pub(crate) fn dist(ground: &Ground) -> Result<()> {
    let Ground { root, target, milena, .. } = ground;
    run::shown(&mut run::cargo(&["build", "--release", "--package", "milena"], root))?;
    let version = run::quiet(Command::new(milena).arg("version"))?;
    let version = version.split_whitespace().nth(1).context("`milena version` prints name and version")?;
    let name = format!("milena-{version}-{}-linux", std::env::consts::ARCH);
    let dir = target.join("dist").join(&name);
    fs::create_dir_all(&dir)?;
    for file in [milena.clone(), root.join("LICENSE"), root.join("README.md"), root.join("CHANGELOG.md")] {
        let to = dir.join(file.file_name().context("a file has a name")?);
        fs::copy(&file, to)?;
    }
    accompany(root, &dir, version)?;
    let archive = target.join("dist").join(format!("{name}.tar.gz"));
    run::shown(Command::new("tar").arg("czf").arg(&archive).arg("-C").arg(target.join("dist")).arg(&name))?;
    println!("{}", archive.display());
    Ok(())
}

/// What the binary says of itself, and what is said of its guests.
fn accompany(root: &Path, dir: &Path, version: &str) -> Result<()> {
    let milena = dir.join("milena");
    run::quiet(Command::new(&milena).args(["man", "--dir"]).arg(dir.join("man1")))?;
    let unit = ["install", "--systemd", "--print-unit", "--program", "/usr/local/bin/milena"];
    fs::write(dir.join("milena.service"), run::quiet(Command::new(&milena).args(unit))?)?;
    let guests = guests::Guests::of(root)?;
    fs::write(dir.join("NOTICES.txt"), guests.notices()?)?;
    fs::write(dir.join("milena.cdx.json"), serde_json::to_string_pretty(&guests.bill(version))?)?;
    Ok(())
}
