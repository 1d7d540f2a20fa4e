//! What a release ships, below `target/dist/`: an archive with the binary and all that goes with it, a package for Debian, and an
//! image for containers, made without a daemon. The same sources make the same bytes.

mod deb;
mod guests;
mod image;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{lane::Ground, run};

/// What was made.
pub(crate) struct Made {
    pub(crate) archive: PathBuf,
    pub(crate) package: PathBuf,
    /// An OCI image layout, as a directory.
    pub(crate) image: PathBuf,
}

/// A binary to be shipped.
struct Shipped<'a> {
    binary: &'a Path,
    version: String,
    /// As Rust calls it.
    machine: &'static str,
    /// Needs no library of the system.
    is_static: bool,
}

/// Builds, statically where the target for that is installed, and ships.
pub(crate) fn dist(ground: &Ground) -> Result<()> {
    let Ground { root, target, .. } = ground;
    let musl = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
    let binary = match can_build(&musl) {
        Ok(()) => {
            run::shown(&mut run::cargo(&["build", "--release", "--package", "milena", "--target", &musl], root))?;
            target.join(&musl).join("release/milena")
        }
        Err(missing) => {
            println!("SKIPPED, no static binary: {missing}");
            run::shown(&mut run::cargo(&["build", "--release", "--package", "milena"], root))?;
            ground.release()
        }
    };
    let made = ship(ground, &binary)?;
    for path in [made.archive, made.package, made.image] {
        println!("{}", path.display());
    }
    Ok(())
}

/// Archive, package and image of one binary.
pub(crate) fn ship(ground: &Ground, binary: &Path) -> Result<Made> {
    let version = run::quiet(Command::new(binary).arg("version"))?;
    let version = version.split_whitespace().nth(1).context("`milena version` prints name and version")?.to_string();
    let shipped = Shipped { binary, version, machine: std::env::consts::ARCH, is_static: is_static(binary)? };
    let out = ground.target.join("dist");
    let name = format!("milena-{}-{}-linux", shipped.version, shipped.machine);
    let dir = out.join(&name);
    if dir.exists() {
        fs::remove_dir_all(&dir)?;
    }
    fs::create_dir_all(&dir)?;
    for file in
        [binary.to_path_buf(), ground.root.join("LICENSE"), ground.root.join("README.md"), ground.root.join("CHANGELOG.md")]
    {
        let to = dir.join(file.file_name().context("a file has a name")?);
        fs::copy(&file, to)?;
    }
    accompany(&ground.root, &dir, &shipped.version)?;
    let archive = out.join(format!("{name}.tar.gz"));
    archived(&archive, &out, &name)?;
    Ok(Made { archive, package: deb::make(&out, &dir, &shipped)?, image: image::make(&out, &shipped)? })
}

/// What the binary says of itself, and what is said of its guests.
fn accompany(root: &Path, dir: &Path, version: &str) -> Result<()> {
    let milena = dir.join("milena");
    run::quiet(Command::new(&milena).args(["man", "--dir"]).arg(dir.join("man1")))?;
    let unit = ["install", "--systemd", "--print-unit", "--program", "/usr/local/bin/milena"];
    fs::write(dir.join("milena.service"), run::quiet(Command::new(&milena).args(unit))?)?;
    fs::write(dir.join("NOTICES.txt"), run::quiet(Command::new(&milena).args(["version", "--licences"]))?)?;
    let guests = guests::Guests::of(root)?;
    fs::write(dir.join("milena.cdx.json"), serde_json::to_string_pretty(&guests.bill(version))?)?;
    Ok(())
}

/// `tar` with nothing in it that differs from one run to the next.
fn archived(archive: &Path, dir: &Path, name: &str) -> Result<()> {
    let same = ["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0", "--format=ustar"];
    let mut tar = Command::new("tar");
    tar.args(same).args(["-I", "gzip -n"]).arg("-cf").arg(archive).arg("-C").arg(dir).arg(name);
    run::quiet(&mut tar).map(|_| ())
}

/// Why a target cannot be built for, if so: its standard library and a compiler of C are needed.
fn can_build(target: &str) -> Result<(), String> {
    let installed = run::quiet(Command::new("rustup").args(["target", "list", "--installed"]));
    if !installed.is_ok_and(|list| list.lines().any(|line| line == target)) {
        return Err(format!("rustup target add {target}"));
    }
    match ["musl-gcc", &format!("{}-linux-musl-gcc", std::env::consts::ARCH)].iter().any(|cc| run::has(cc)) {
        true => Ok(()),
        false => Err("apt-get install musl-tools".into()),
    }
}

/// A program without an interpreter needs no library of the system.
fn is_static(binary: &Path) -> Result<bool> {
    Ok(libraries(binary)?.is_empty())
}

/// The libraries that a program is started with, the loader last.
fn libraries(binary: &Path) -> Result<Vec<PathBuf>> {
    let output = Command::new("ldd").arg(binary).output().context("cannot start ldd")?;
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if [&out, &error].iter().any(|text| text.contains("not a dynamic executable") || text.contains("statically linked")) {
        return Ok(Vec::new());
    }
    if !output.status.success() {
        bail!("ldd {}: {error}", binary.display());
    }
    // `libc.so.6 => /lib/libc.so.6 (0x…)`, and `/lib64/ld-linux-x86-64.so.2 (0x…)`.
    let path = |line: &str| line.split_whitespace().find(|word| word.starts_with('/')).map(PathBuf::from);
    Ok(out.lines().filter_map(path).collect())
}
