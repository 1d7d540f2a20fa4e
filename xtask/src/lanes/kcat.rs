//! kcat on Debian's old librdkafka 2.0.2: metadata, produce, read, offsets by time, a group.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};

use super::server;
use crate::lane::Ground;

pub(crate) const KCAT: &[(&str, &str)] = &[("kcat", "kcat")];

pub(crate) fn run(ground: &Ground) -> Result<String> {
    let server = server::fresh(ground, "kcat", &[])?;
    let kcat = |arguments: &[&str], input: &str| kcat(&server.kafka, arguments, input);
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let topic = format!("kcat-{codec}");
        let lines: String = (0..1000).map(|i| format!("key{i}:value {i}\n")).collect();
        kcat(&["-P", "-t", &topic, "-K:", "-z", codec, "-X", "acks=all"], &lines)?;
        let read = kcat(&["-C", "-t", &topic, "-e", "-q", "-o", "beginning", "-f", "%k:%s\n"], "")?;
        ensure!(read == lines, "{codec}: read back {} bytes of {}", read.len(), lines.len());
    }
    let listed = kcat(&["-L", "-J"], "")?;
    ensure!(listed.contains("kcat-zstd"), "-L does not list the topic: {listed}");
    let offset = kcat(&["-Q", "-t", "kcat-none:0:0"], "")?;
    ensure!(offset.contains("offset 0"), "-Q at time 0 said {offset:?}");
    let json = kcat(&["-C", "-t", "kcat-none", "-o", "5", "-c", "1", "-J", "-q"], "")?;
    ensure!(json.contains("\"value 5\"") || json.contains("value 5"), "-o 5 said {json:?}");
    let grouped = kcat(&["-G", "kcat-group", "-q", "-c", "1000", "-X", "auto.offset.reset=earliest", "kcat-gzip"], "")?;
    ensure!(grouped.lines().count() == 1000, "the group read {} lines", grouped.lines().count());
    Ok("metadata, five codecs, offsets by time, a group".into())
}

fn kcat(broker: &str, arguments: &[&str], input: &str) -> Result<String> {
    let mut child = Command::new("timeout")
        .args(["60", "kcat", "-b", broker])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start kcat")?;
    let mut stdin = child.stdin.take().context("stdin is piped")?;
    stdin.write_all(input.as_bytes())?;
    drop(stdin);
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "kcat {} ended with {}", arguments.join(" "), output.status);
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
