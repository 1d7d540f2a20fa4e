//! What a release ships: the binary, the licence and the first page, in one archive below `target/dist/`.

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
    let archive = target.join("dist").join(format!("{name}.tar.gz"));
    run::shown(Command::new("tar").arg("czf").arg(&archive).arg("-C").arg(target.join("dist")).arg(&name))?;
    println!("{}", archive.display());
    Ok(())
}
