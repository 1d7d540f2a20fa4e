//! TLS and logins against Apache Kafka: its listeners for SSL, SASL_SSL and SASL_PLAINTEXT, our client by every mechanism, and what
//! `milena doctor` finds there.

use std::{path::Path, process::Command};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::apache::{Apache, free_port};
use crate::{
    lane::{Ground, room},
    run,
};

pub(crate) const NEEDS: &[(&str, &str)] =
    &[("java", "openjdk-17-jdk-headless"), ("keytool", "openjdk-17-jdk-headless"), ("mvn", "maven")];

/// Plain, SASL_SSL, SASL_PLAINTEXT, SSL.
struct Doors {
    sasl_ssl: u16,
    sasl_plaintext: u16,
    ssl: u16,
}

pub(crate) fn run(ground: &Ground) -> Result<String> {
    let dir = room(ground, "secured")?;
    let (keys, ca) = (dir.join("keys.p12"), dir.join("ca.pem"));
    certificate(&keys, &ca)?;
    let doors = Doors { sasl_ssl: free_port()?, sasl_plaintext: free_port()?, ssl: free_port()? };
    let lines = listeners(&doors, &keys);
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let apache = Apache::start(ground, "secured", &lines)?;
    let Doors { sasl_ssl, sasl_plaintext, ssl } = doors;
    let addresses = format!("{},localhost:{sasl_ssl},localhost:{sasl_plaintext},localhost:{ssl}", apache.kafka);
    let mut tests = run::cargo(&["test", "--workspace", "--test", "client", "a_real_broker"], &ground.root);
    let text = run::quiet(tests.env("MILENA_TEST_SECURED", &addresses).env("MILENA_TEST_CA", &ca))?;
    if !text.contains("1 passed") {
        bail!("no test ran: {text}");
    }
    examined(ground, &ca, sasl_ssl, sasl_plaintext, ssl)?;
    Ok("PLAIN and SCRAM with TLS and without, wrong passwords, and doctor's D04, D05, D06 and D11".into())
}

/// A key with a certificate for localhost that vouches for itself.
fn certificate(keys: &Path, ca: &Path) -> Result<()> {
    if keys.exists() {
        std::fs::remove_file(keys)?;
    }
    let words = "-genkeypair -alias broker -keyalg RSA -keysize 2048 -dname CN=localhost -ext SAN=dns:localhost,ip:127.0.0.1 -validity 365 -storetype PKCS12 -storepass password";
    run::quiet(Command::new("keytool").args(words.split(' ')).arg("-keystore").arg(keys))?;
    let words = "-exportcert -rfc -alias broker -storepass password";
    std::fs::write(ca, run::quiet(Command::new("keytool").args(words.split(' ')).arg("-keystore").arg(keys))?)?;
    Ok(())
}

fn listeners(doors: &Doors, keys: &Path) -> Vec<String> {
    let Doors { sasl_ssl, sasl_plaintext, ssl } = doors;
    let ours = format!("SASL_SSL://localhost:{sasl_ssl},SASL_PLAINTEXT://localhost:{sasl_plaintext},SSL://localhost:{ssl}");
    let mut lines = vec![
        format!("listeners=PLAINTEXT://127.0.0.1:{{port}},CONTROLLER://127.0.0.1:{{controller}},{ours}"),
        format!("advertised.listeners=PLAINTEXT://127.0.0.1:{{port}},{ours}"),
        "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL,SASL_PLAINTEXT:SASL_PLAINTEXT".into(),
        "sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512".into(),
        "ssl.keystore.type=PKCS12".into(),
        format!("ssl.keystore.location={}", keys.display()),
        "ssl.keystore.password=password".into(),
        // Who comes in the clear may do everything, who logs in only what a rule allows.
        "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer".into(),
        "super.users=User:ANONYMOUS;User:jane".into(),
    ];
    for door in ["sasl_ssl", "sasl_plaintext"] {
        let module = "org.apache.kafka.common.security";
        lines.push(format!("listener.name.{door}.plain.sasl.jaas.config={module}.plain.PlainLoginModule required user_jane=\"jane-secret\" user_john=\"john-secret\";"));
        for hash in ["256", "512"] {
            lines.push(format!(
                "listener.name.{door}.scram-sha-{hash}.sasl.jaas.config={module}.scram.ScramLoginModule required;"
            ));
        }
    }
    lines
}

/// What doctor finds at each door.
fn examined(ground: &Ground, ca: &Path, sasl_ssl: u16, sasl_plaintext: u16, ssl: u16) -> Result<()> {
    let ca = ca.display().to_string();
    let doctor = |port: u16, words: &[&str], password: &str| -> Result<Value> {
        let mut command = Command::new(&ground.milena);
        command.args(["doctor", &format!("localhost:{port}"), "-o", "json"]).args(words);
        let output = command.env("MILENA_PASSWORD", password).output().context("cannot start milena doctor")?;
        serde_json::from_slice(&output.stdout).with_context(|| {
            format!("{words:?}: {}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
        })
    };
    let expect = |report: &Value, id: &str, verdict: &str, words: &str| -> Result<()> {
        let all =
            report["checks"].as_array().or(report["findings"].as_array()).or(report.as_array()).context("a list of findings")?;
        let found = all.iter().find(|f| f["id"] == id).with_context(|| format!("{id} is not there: {report}"))?;
        ensure!(
            found.to_string().contains(words) && found.to_string().contains(verdict),
            "{id}: wanted {verdict} and {words:?}: {found}"
        );
        Ok(())
    };
    let jane = ["--ca", &ca, "--user", "jane"];
    let report = doctor(sasl_ssl, &jane, "jane-secret")?;
    expect(&report, "D04", "ok", "Kafka")?;
    expect(&report, "D05", "ok", "valid for 36")?;
    expect(&report, "D06", "ok", "SCRAM-SHA-512")?;
    expect(&report, "D08", "ok", "reachable")?;
    expect(&report, "D10", "ok", "records stored")?;
    expect(&report, "D11", "ok", "may read")?;
    expect(&doctor(sasl_ssl, &jane, "guessed")?, "D06", "failure", "not let in")?;
    expect(&doctor(sasl_ssl, &["--ca", &ca], "")?, "D06", "failure", "wants a login")?;
    expect(&doctor(sasl_ssl, &["--tls", "--user", "jane"], "jane-secret")?, "D05", "failure", "authority")?;
    expect(&doctor(sasl_ssl, &[], "")?, "D04", "failure", "--tls")?;
    expect(&doctor(ssl, &["--ca", &ca], "")?, "D06", "skipped", "no logins")?;
    let clear = ["--user", "jane", "--sasl-mechanism", "PLAIN"];
    expect(&doctor(sasl_plaintext, &clear, "jane-secret")?, "D06", "warning", "in the clear")?;
    // John is let in, and may nothing.
    let john = ["--ca", &ca, "--user", "john", "--sasl-mechanism", "PLAIN", "--no-write"];
    expect(&doctor(sasl_ssl, &john, "john-secret")?, "D11", "ok", "0 topics")
}
