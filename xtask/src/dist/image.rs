//! An image for containers, in the layout of the OCI: blobs by their digest, and an index. No daemon is asked.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Shipped, archived, libraries};

/// Whom the server runs as in the container.
const USER: &str = "65532:65532";

pub(super) fn make(out: &Path, shipped: &Shipped<'_>) -> Result<PathBuf> {
    let image = out.join(format!("milena-{}-{}.oci", shipped.version, shipped.machine));
    for dir in [&image, &out.join("rootfs")] {
        if dir.exists() {
            fs::remove_dir_all(dir)?;
        }
    }
    let blobs = image.join("blobs/sha256");
    fs::create_dir_all(&blobs)?;
    let root = out.join("rootfs");
    fill(&root, shipped)?;
    let layer = out.join("layer.tar.gz");
    archived(&layer, &root, ".")?;
    let plain = unpacked_digest(&layer)?;
    let layer = blob(&blobs, &fs::read(&layer)?, "application/vnd.oci.image.layer.v1.tar+gzip")?;
    let config = blob(&blobs, config(shipped, &plain).to_string().as_bytes(), "application/vnd.oci.image.config.v1+json")?;
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": config,
        "layers": [layer],
    });
    let mut manifest = blob(&blobs, manifest.to_string().as_bytes(), "application/vnd.oci.image.manifest.v1+json")?;
    manifest["annotations"] = json!({"org.opencontainers.image.ref.name": shipped.version});
    manifest["platform"] = json!({"architecture": docker(shipped.machine), "os": "linux"});
    fs::write(image.join("oci-layout"), json!({"imageLayoutVersion": "1.0.0"}).to_string())?;
    let index = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [manifest]});
    fs::write(image.join("index.json"), index.to_string())?;
    Ok(image)
}

fn docker(machine: &str) -> &str {
    match machine {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// The program, the libraries that it is started with, a place for data and one for what passes.
fn fill(root: &Path, shipped: &Shipped<'_>) -> Result<()> {
    let mut files = vec![(shipped.binary.to_path_buf(), PathBuf::from("usr/bin/milena"))];
    for library in libraries(shipped.binary)? {
        let to = library.strip_prefix("/").context("ldd tells whole paths")?.to_path_buf();
        files.push((library, to));
    }
    for (from, to) in files {
        let to = root.join(to);
        fs::create_dir_all(to.parent().context("a file lies in a directory")?)?;
        // A link is followed: the file itself is needed.
        fs::copy(&from, &to).with_context(|| format!("cannot copy {}", from.display()))?;
        fs::set_permissions(&to, fs::Permissions::from_mode(0o755))?;
    }
    for dir in ["data", "tmp"] {
        fs::create_dir_all(root.join(dir))?;
        // Whatever user the container is started as may write there.
        fs::set_permissions(root.join(dir), fs::Permissions::from_mode(0o1777))?;
    }
    Ok(())
}

fn config(shipped: &Shipped<'_>, layer: &str) -> Value {
    json!({
        "architecture": docker(shipped.machine),
        "os": "linux",
        "config": {
            "User": USER,
            "Entrypoint": ["/usr/bin/milena"],
            "Cmd": ["serve", "--data", "/data/milena", "--kafka", "0.0.0.0:9092", "--http", "0.0.0.0:8080", "--registry", "0.0.0.0:8081", "--rest", "0.0.0.0:8082"],
            "ExposedPorts": {"9092/tcp": {}, "8080/tcp": {}, "8081/tcp": {}, "8082/tcp": {}},
            "Volumes": {"/data": {}},
            "WorkingDir": "/",
            "StopSignal": "SIGTERM",
        },
        "rootfs": {"type": "layers", "diff_ids": [layer]},
        "history": [{"created_by": "cargo xtask dist"}],
    })
}

/// Puts a blob under its digest; gives its descriptor.
fn blob(blobs: &Path, bytes: &[u8], kind: &str) -> Result<Value> {
    let digest = digest(bytes);
    fs::write(blobs.join(&digest), bytes)?;
    Ok(json!({"mediaType": kind, "digest": format!("sha256:{digest}"), "size": bytes.len()}))
}

pub(super) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// The digest of a layer before it was compressed, by which an image knows it.
fn unpacked_digest(layer: &Path) -> Result<String> {
    let output = std::process::Command::new("gzip").args(["-dc"]).arg(layer).output().context("cannot start gzip")?;
    Ok(format!("sha256:{}", digest(&output.stdout)))
}
