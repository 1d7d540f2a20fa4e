//! `milena support`: what somebody who helps wants to see, in one archive: listed first, written with `--yes`, without
//! messages, passwords, and the addresses of clients.

use std::path::PathBuf;

use clap::Args;
use milena_client::{Admin, Cluster, admin::Resource};
use serde_json::{Value, json};

use crate::{
    cmd::doctor,
    connect::Connect,
    failure::{Failure, Kind},
    told::Told,
    web::Web,
    when,
};

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Archive to write [default: milena-support-TIME.tar here]
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Write it, after it was listed
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    told: Told,
    #[command(flatten)]
    connect: Connect,
}

pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let parts = gathered(&options.connect).await?;
    let mut words: String = parts.iter().map(|(name, bytes)| format!("{:>9} bytes  {name}\n", bytes.len())).collect();
    let listed: Vec<Value> = parts.iter().map(|(name, bytes)| json!({"name": name, "bytes": bytes.len()})).collect();
    if !options.yes {
        options.told.tell(json!({"file": null, "parts": listed, "dry_run": true}), words)?;
        options.connect.say("nothing was written; client addresses and secrets are taken out. Write it:   milena support --yes");
        return Ok(());
    }
    let stamp = when::now() / 1000;
    let file = options.file.unwrap_or_else(|| format!("milena-support-{stamp}.tar").into());
    let failed = |e: std::io::Error| Failure::new(Kind::Failed, format!("{} cannot be written", file.display())).why(e);
    let mut out = std::fs::OpenOptions::new().create_new(true).write(true).open(&file).map_err(failed)?;
    std::io::Write::write_all(&mut out, &archive(&parts, stamp)).map_err(failed)?;
    words += &format!("wrote {}", file.display());
    options.told.tell(json!({"file": file.display().to_string(), "parts": listed, "dry_run": false}), words)
}

type Part = (&'static str, Vec<u8>);

/// What can be had; a part that cannot says why in its place.
async fn gathered(connect: &Connect) -> Result<Vec<Part>, Failure> {
    let cluster = connect.cluster().await?;
    let endpoint = cluster.config().bootstrap[0].clone();
    let findings = doctor::report_of(&endpoint, cluster.config().options.security.clone()).await;
    let (status, errors, metrics) = match Web::of(&cluster, "support").await {
        Ok(web) => (web.get("/admin/v1/status").await, web.get("/admin/v1/errors?all=true").await, web.text("/metrics").await),
        Err(failure) => {
            let why = || Err(Failure::new(Kind::Failed, failure.what()));
            (why(), why(), Err(Failure::new(Kind::Failed, failure.what())))
        }
    };
    let pretty = |value: Result<Value, Failure>| {
        let value = value.unwrap_or_else(|failure| json!({"missing": failure.what()}));
        serde_json::to_vec_pretty(&value).unwrap_or_default()
    };
    let parts = vec![
        ("version.txt", format!("milena {}\n", env!("CARGO_PKG_VERSION")).into_bytes()),
        ("doctor.json", findings.into_bytes()),
        ("status.json", pretty(status)),
        ("errors.json", pretty(errors)),
        ("settings.json", pretty(settings(&cluster).await)),
        ("metrics.txt", metrics.unwrap_or_else(|failure| format!("missing: {}\n", failure.what())).into_bytes()),
    ];
    Ok(parts.into_iter().map(|(name, bytes)| (name, redacted(&String::from_utf8_lossy(&bytes)).into_bytes())).collect())
}

async fn settings(cluster: &Cluster) -> Result<Value, Failure> {
    let admin = Admin::new(cluster.clone());
    let Some(broker) = admin.metadata().await?.brokers.keys().next().copied() else { return Ok(json!([])) };
    let entries = admin.configs(&Resource::Broker(broker), None, false).await?;
    let secret = |e: &milena_client::admin::ConfigEntry| e.sensitive || e.name.contains("password") || e.name.contains("jaas");
    let row = |e: &milena_client::admin::ConfigEntry| {
        let value = if secret(e) { json!("(taken out)") } else { json!(e.value.as_deref()) };
        json!({"name": &*e.name, "value": value, "from": format!("{:?}", e.source)})
    };
    Ok(entries.iter().map(row).collect())
}

/// Addresses but loopback keep their first half: enough to tell networks apart, too little to tell people.
fn redacted(text: &str) -> String {
    let pattern =
        regex::Regex::new(r"\b(\d{1,3})\.(\d{1,3})\.\d{1,3}\.\d{1,3}\b").unwrap_or_else(|_| unreachable!("it is written above"));
    let replaced = pattern.replace_all(text, |found: &regex::Captures<'_>| match &found[1] {
        "127" | "0" => found[0].to_string(),
        _ => format!("{}.{}.x.x", &found[1], &found[2]),
    });
    replaced.into_owned()
}

/// A POSIX archive (ustar): a head of 512 bytes, the bytes, and zeros up to the next multiple; two empty heads end it.
fn archive(parts: &[Part], mtime: i64) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, bytes) in parts {
        out.extend(head(name, bytes.len(), mtime));
        out.extend(bytes);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out.resize(out.len() + 1024, 0);
    out
}

fn head(name: &str, size: usize, mtime: i64) -> [u8; 512] {
    let mut head = [0; 512];
    let mut put = |at: usize, text: &str| head[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, &format!("milena-support/{name}"));
    put(100, "0000600");
    put(108, "0000000");
    put(116, "0000000");
    put(124, &format!("{size:011o}"));
    put(136, &format!("{mtime:011o}"));
    // The checksum is made with spaces in its own place.
    put(148, "        ");
    put(156, "0");
    put(257, "ustar");
    put(263, "00");
    let sum: u32 = head.iter().map(|b| u32::from(*b)).sum();
    head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lose_their_second_half_and_versions_do_not() {
        let text = "from 10.1.2.3:99 and 127.0.0.1, version 0.1.0, listens 0.0.0.0:1";
        assert_eq!(redacted(text), "from 10.1.x.x:99 and 127.0.0.1, version 0.1.0, listens 0.0.0.0:1");
    }
}
