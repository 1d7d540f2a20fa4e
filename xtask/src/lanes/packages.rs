//! What `cargo xtask dist` ships, unpacked and started: archive, Debian package, and image.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::server::Server;
use crate::{
    dist,
    lane::{Ground, room},
    run,
};

pub(crate) const NEEDS: &[(&str, &str)] = &[("dpkg-deb", "dpkg"), ("ldd", "libc-bin"), ("tar", "tar")];

pub(crate) fn run(ground: &Ground) -> Result<String> {
    let made = dist::ship(ground, &ground.milena)?;
    let place = room(ground, "packages")?;
    fs::remove_dir_all(&place)?;
    let dir = |name: &str| -> Result<PathBuf> {
        let dir = place.join(name);
        fs::create_dir_all(&dir)?;
        Ok(dir)
    };
    let archive = dir("archive")?;
    run::quiet(Command::new("tar").arg("-xf").arg(&made.archive).arg("-C").arg(&archive))?;
    let inside = fs::read_dir(&archive)?.next().context("the archive is not empty")??.path();
    for file in ["LICENSE", "NOTICES.txt", "milena.service", "milena.cdx.json", "man1/milena.1"] {
        ensure!(inside.join(file).is_file(), "the archive has no {file}");
    }
    starts(&mut Command::new(inside.join("milena")), "the archive")?;

    let package = dir("package")?;
    let fields = run::quiet(Command::new("dpkg-deb").arg("-I").arg(&made.package))?;
    ensure!(fields.contains("Package: milena"), "{fields}");
    run::quiet(Command::new("dpkg-deb").arg("-x").arg(&made.package).arg(&package))?;
    ensure!(package.join("lib/systemd/system/milena.service").is_file(), "the package has no unit");
    starts(&mut Command::new(package.join("usr/bin/milena")), "the package")?;

    let image = dir("image")?;
    unpack(&made.image, &image)?;
    let mut inside = Command::new("chroot");
    // Whoever is not root there becomes it in a namespace of his own.
    if run::quiet(Command::new("id").arg("-u"))?.trim() != "0" {
        inside = Command::new("unshare");
        inside.args(["--user", "--map-root-user", "chroot"]);
    }
    inside.arg(&image).arg("/usr/bin/milena");
    starts(&mut inside, "the image")?;
    Ok("archive, package and image were unpacked and started".into())
}

/// Starts what was unpacked, until it says that it is ready and listens.
fn starts(milena: &mut Command, what: &str) -> Result<()> {
    milena.args(["serve", "--ephemeral"]);
    let server = Server::adopt(milena).with_context(|| format!("of {what}"))?;
    ensure!(server.ready["version"].as_str().is_some(), "{what} does not say its version");
    std::net::TcpStream::connect(&server.kafka).with_context(|| format!("{what} does not listen"))?;
    Ok(())
}

/// Every blob is what its digest says, and the layers make the tree.
fn unpack(image: &Path, to: &Path) -> Result<()> {
    let read = |descriptor: &Value| -> Result<Vec<u8>> {
        let digest = descriptor["digest"].as_str().and_then(|d| d.strip_prefix("sha256:")).context("a digest")?;
        let bytes = fs::read(image.join("blobs/sha256").join(digest))?;
        let found: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
        ensure!(found == digest && descriptor["size"] == bytes.len(), "the blob {digest} is another");
        Ok(bytes)
    };
    let index: Value = serde_json::from_slice(&fs::read(image.join("index.json"))?)?;
    let manifest: Value = serde_json::from_slice(&read(&index["manifests"][0])?)?;
    let config: Value = serde_json::from_slice(&read(&manifest["config"])?)?;
    ensure!(config["config"]["Entrypoint"][0] == "/usr/bin/milena", "{config}");
    for layer in manifest["layers"].as_array().context("an image has layers")? {
        let file = to.with_extension("layer");
        fs::write(&file, read(layer)?)?;
        run::quiet(Command::new("tar").arg("-xzf").arg(&file).arg("-C").arg(to))?;
    }
    Ok(())
}
