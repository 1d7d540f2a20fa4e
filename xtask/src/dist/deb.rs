//! A package for Debian and its kin: an `ar` of two archives. Brings the program, its pages, its unit and a user for it.

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use super::{Shipped, archived};
use crate::run;

const POSTINST: &str = "#!/bin/sh
set -e
if [ \"$1\" = configure ]; then
  id -u milena >/dev/null 2>&1 || useradd --system --user-group --no-create-home --home-dir /var/lib/milena --shell /usr/sbin/nologin milena
  install -d -m 0750 -o milena -g milena /var/lib/milena
  if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
fi
";
const PRERM: &str = "#!/bin/sh
set -e
if [ -d /run/systemd/system ] && [ \"$1\" = remove ]; then systemctl disable --now milena.service || true; fi
";

/// From what the archive ships.
pub(super) fn make(out: &Path, shipped_dir: &Path, shipped: &Shipped<'_>) -> Result<PathBuf> {
    let machine = debian(shipped.machine).context("Debian has a name for this kind of processor")?;
    let name = format!("milena_{}_{machine}.deb", shipped.version);
    let work = out.join("deb");
    if work.exists() {
        fs::remove_dir_all(&work)?;
    }
    let (data, control) = (work.join("data"), work.join("control"));
    let size = fill(&data, shipped_dir, shipped)?;
    fs::create_dir_all(&control)?;
    fs::write(control.join("control"), described(shipped, machine, size))?;
    for (file, text) in [("postinst", POSTINST), ("prerm", PRERM)] {
        put(&control.join(file), text.as_bytes(), 0o755)?;
    }
    archived(&work.join("control.tar.gz"), &control, ".")?;
    archived(&work.join("data.tar.gz"), &data, ".")?;
    let mut members = vec![("debian-binary".to_string(), b"2.0\n".to_vec())];
    for member in ["control.tar.gz", "data.tar.gz"] {
        members.push((member.to_string(), fs::read(work.join(member))?));
    }
    let package = out.join(name);
    fs::write(&package, ar(&members))?;
    Ok(package)
}

fn debian(machine: &str) -> Option<&'static str> {
    match machine {
        "x86_64" => Some("amd64"),
        "aarch64" => Some("arm64"),
        _ => None,
    }
}

/// The tree of files; gives its size in KiB.
fn fill(data: &Path, from: &Path, shipped: &Shipped<'_>) -> Result<u64> {
    let copy = |file: &str, to: &str, mode: u32| put(&data.join(to), &fs::read(from.join(file))?, mode);
    copy("milena", "usr/bin/milena", 0o755)?;
    copy("LICENSE", "usr/share/doc/milena/LICENSE", 0o644)?;
    copy("NOTICES.txt", "usr/share/doc/milena/copyright", 0o644)?;
    copy("CHANGELOG.md", "usr/share/doc/milena/changelog.md", 0o644)?;
    let unit = ["install", "--systemd", "--print-unit", "--program", "/usr/bin/milena"];
    let unit = run::quiet(Command::new(shipped.binary).args(unit))?;
    put(&data.join("lib/systemd/system/milena.service"), unit.as_bytes(), 0o644)?;
    for page in fs::read_dir(from.join("man1"))? {
        let page = page?;
        put(&data.join("usr/share/man/man1").join(page.file_name()), &fs::read(page.path())?, 0o644)?;
    }
    for (shell, to) in
        [("bash", "usr/share/bash-completion/completions/milena"), ("zsh", "usr/share/zsh/vendor-completions/_milena")]
    {
        let script = run::quiet(Command::new(shipped.binary).args(["completion", shell]))?;
        put(&data.join(to), script.as_bytes(), 0o644)?;
    }
    let mut bytes = 0;
    sized(data, &mut bytes)?;
    Ok(bytes.div_ceil(1024))
}

fn put(to: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    if let Some(dir) = to.parent() {
        fs::create_dir_all(dir)?;
    }
    fs::write(to, bytes)?;
    fs::set_permissions(to, fs::Permissions::from_mode(mode))?;
    Ok(())
}

fn sized(dir: &Path, bytes: &mut u64) -> Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => sized(&entry.path(), bytes)?,
            false => *bytes += entry.metadata()?.len(),
        }
    }
    Ok(())
}

fn described(shipped: &Shipped<'_>, machine: &str, size: u64) -> String {
    // The C library of the machine that built it, or a newer one, is what a dynamic binary needs.
    let needs = if shipped.is_static { String::new() } else { format!("Depends: libc6 (>= {}), libgcc-s1\n", libc()) };
    format!(
        "Package: milena\nVersion: {}\nArchitecture: {machine}\nMaintainer: The Milena engineers <milena@localhost>\nInstalled-Size: {size}\n{needs}Section: database\nPriority: optional\nHomepage: https://github.com/milena-kafka/milena\nDescription: Kafka that fits\n A Kafka-compatible broker with a schema registry, a REST proxy and queues,\n in one program that starts at once.\n",
        shipped.version
    )
}

fn libc() -> String {
    let told = run::quiet(Command::new("ldd").arg("--version")).unwrap_or_default();
    let version = told.lines().next().and_then(|line| line.split_whitespace().last()).unwrap_or("2.31");
    version.to_string()
}

/// The common archive format: a head of 60 bytes for each member, and even lengths.
fn ar(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut out = b"!<arch>\n".to_vec();
    for (name, bytes) in members {
        let _ = writeln!(out, "{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`", 0, 0, 0, "100644", bytes.len());
        out.extend_from_slice(bytes);
        if bytes.len() % 2 == 1 {
            out.push(b'\n');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_has_heads_of_sixty_bytes_and_even_members() {
        let made = ar(&[("a".into(), b"xyz".to_vec()), ("b".into(), b"12".to_vec())]);
        assert_eq!(made.len(), 8 + 60 + 4 + 60 + 2);
        assert_eq!(&made[8 + 58..8 + 60], b"`\n");
        assert_eq!(&made[8 + 48..8 + 58], b"3         ");
    }
}
