//! The wrong advertised address, from another machine: a network namespace with one cable to this one, a server here that
//! tells it something that cannot work, and `milena doctor` over there. With Milena as the server, and with Apache Kafka.

use std::{
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::{apache::Apache, server};
use crate::{
    lane::{Ground, Unable, room},
    run,
};

pub(crate) const NAMESPACES: &[(&str, &str)] = &[("ip", "iproute2"), ("java", "openjdk-17-jdk-headless"), ("mvn", "maven")];

/// This machine, as the other one sees it. From the block for benchmarks, which no network here uses (RFC 2544).
const HERE: &str = "198.18.77.1";
const THERE: &str = "198.18.77.2";

/// Another machine: a namespace and the cable to it.
struct Elsewhere {
    name: String,
    cable: String,
}

impl Elsewhere {
    fn new() -> Result<Self> {
        let id = std::process::id() % 100_000;
        let elsewhere = Self { name: format!("milena-{id}"), cable: format!("mil{id}a") };
        let far = format!("mil{id}b");
        run::quiet(Command::new("ip").args(["netns", "add", &elsewhere.name]))
            .map_err(|error| Unable(format!("root, for a network namespace: {error:#}")))?;
        let steps: [&[&str]; 6] = [
            &["link", "add", &elsewhere.cable, "type", "veth", "peer", "name", &far, "netns", &elsewhere.name],
            &["addr", "add", &format!("{HERE}/30"), "dev", &elsewhere.cable],
            &["link", "set", &elsewhere.cable, "up"],
            &["-n", &elsewhere.name, "addr", "add", &format!("{THERE}/30"), "dev", &far],
            &["-n", &elsewhere.name, "link", "set", &far, "up"],
            &["-n", &elsewhere.name, "link", "set", "lo", "up"],
        ];
        for step in steps {
            run::quiet(Command::new("ip").args(step))?;
        }
        Ok(elsewhere)
    }

    fn command(&self, program: &std::path::Path) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(program).stdin(Stdio::null());
        command
    }

    /// What the doctor over there says of a broker here: exit code, and the check of the address.
    /// Doctor's exit code, what it says of the address, and all that failed.
    fn doctor(&self, ground: &Ground, port: &str) -> Result<(Option<i32>, Value, Vec<Value>)> {
        let target = format!("{HERE}:{port}");
        let Output { status, stdout, stderr } = self.command(&ground.milena).args(["doctor", &target, "-o", "json"]).output()?;
        let report: Value =
            serde_json::from_slice(&stdout).with_context(|| format!("doctor said {}", String::from_utf8_lossy(&stderr)))?;
        let checks = report["checks"].as_array().context("doctor tells its checks")?;
        let address = checks.iter().find(|check| check["id"] == "D08").context("D08 is told")?;
        let failed = checks.iter().filter(|check| check["verdict"] == "failure").cloned().collect();
        Ok((status.code(), address.clone(), failed))
    }

    /// Finds what is wrong, and says it in these words.
    fn finds(&self, ground: &Ground, port: &str, told: &str, words: &str) -> Result<()> {
        let (code, address, _) = self.doctor(ground, port)?;
        let text = address.to_string();
        ensure!(code == Some(2), "doctor ended with {code:?}, not 2: {text}");
        ensure!(
            address["verdict"] == "failure" && text.contains(told) && text.contains(words),
            "{told}: {words:?} is not in {text}"
        );
        Ok(())
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        // The cable goes with either end.
        let _ = Command::new("ip").args(["netns", "del", &self.name]).status();
        let _ = Command::new("ip").args(["link", "del", &self.cable]).stderr(Stdio::null()).status();
    }
}

/// A rule for the address, with the port that the server has; and what is found of it over there.
const WRONG: [(&str, &str); 3] = [
    ("localhost", "THIS machine; nothing listens there (connection refused)"),
    ("broker.invalid", "the name does not resolve"),
    ("10.99.99.99", "that is a private address, of another network perhaps"),
];

pub(crate) fn run(ground: &Ground) -> Result<String> {
    let elsewhere = Elsewhere::new()?;
    for (host, words) in WRONG {
        let told = format!("{host}:9092");
        // A server refuses a name for everybody that it cannot resolve; one for another network it must take on trust.
        let rule = if host.ends_with(".invalid") { format!("{THERE}/30={told}") } else { told.clone() };
        let milena = start(ground, host, &rule)?;
        let port = port(&milena.kafka)?;
        elsewhere.finds(ground, port, &told, words)?;
        if host == "localhost" {
            plain_client(&elsewhere, port)?;
            bounced(ground, &milena)?;
        }
        drop(milena);
        let lines = listeners(&format!("{host}:{{port}}"));
        let apache = Apache::start(ground, "doctor", &lines.each_ref().map(String::as_str))?;
        elsewhere.finds(ground, self::port(&apache.kafka)?, host, words).context("with Apache Kafka")?;
    }
    well(ground, &elsewhere)?;
    second_node(ground, &elsewhere)?;
    Ok("localhost, a name without an address, a foreign network and a node that is gone are named, with Milena and with Apache Kafka".into())
}

/// A cluster of two nodes, of which one dies. Milena has one; with it the test of the command line plays this.
fn second_node(ground: &Ground, elsewhere: &Elsewhere) -> Result<()> {
    let [open, advertised] = listeners(&format!("{HERE}:{{port}}"));
    let first = Apache::start(ground, "doctor", &[&open, &advertised, "broker.session.timeout.ms=120000"])?;
    let voters = format!("controller.quorum.voters=1@127.0.0.1:{}", first.controller);
    let words = ["process.roles=broker", "node.id=2", "listeners=PLAINTEXT://0.0.0.0:{port}", &advertised, &voters];
    let second = Apache::start(ground, "doctor-second", &words)?;
    let gone = format!("{HERE}:{}", port(&second.kafka)?);
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let (code, address, failed) = elsewhere.doctor(ground, port(&first.kafka)?)?;
        if code == Some(0) && address["words"].as_str().is_some_and(|words| words.contains(&gone)) {
            break;
        }
        ensure!(Instant::now() < until, "two nodes that are well are not found so: {code:?} {address} {failed:?}");
        std::thread::sleep(Duration::from_millis(500));
    }
    drop(second);
    elsewhere.finds(ground, port(&first.kafka)?, &gone, "start node 2 again").context("a second node that is gone")
}

/// Servers that tell an address which works.
fn well(ground: &Ground, elsewhere: &Elsewhere) -> Result<()> {
    let milena = start(ground, "auto", "auto")?;
    let lines = listeners(&format!("{HERE}:{{port}}"));
    let apache = Apache::start(ground, "doctor", &lines.each_ref().map(String::as_str))?;
    for kafka in [&milena.kafka, &apache.kafka] {
        // A broker that has just started makes what it keeps of groups at the first question.
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            let (code, address, failed) = elsewhere.doctor(ground, port(kafka)?)?;
            if code == Some(0) && address["verdict"] == "ok" {
                break;
            }
            ensure!(Instant::now() < until, "a server that is well is not found so: {code:?} {address} {failed:?}");
        }
    }
    Ok(())
}

/// Milena as an administrator starts it for other machines.
fn start(ground: &Ground, name: &str, rule: &str) -> Result<server::Server> {
    let data = room(ground, "data")?.join(format!("doctor-{name}"));
    if data.exists() {
        std::fs::remove_dir_all(&data)?;
    }
    server::Server::start(&ground.milena, &data, &["--kafka", "0.0.0.0:0", "--advertise", rule])
}

fn listeners(advertised: &str) -> [String; 2] {
    [
        "listeners=PLAINTEXT://0.0.0.0:{port},CONTROLLER://127.0.0.1:{controller}".into(),
        format!("advertised.listeners=PLAINTEXT://{advertised}"),
    ]
}

fn port(address: &str) -> Result<&str> {
    Ok(address.rsplit_once(':').context("an address has a port")?.1)
}

/// What people see without a doctor: kcat lists everything, and its message stays where it is.
fn plain_client(elsewhere: &Elsewhere, port: &str) -> Result<()> {
    if !run::has("kcat") {
        return Ok(());
    }
    let broker = format!("{HERE}:{port}");
    let timeout = std::path::Path::new("timeout");
    let listed = elsewhere.command(timeout).args(["10", "kcat", "-b", &broker, "-L"]).output()?;
    ensure!(listed.status.success(), "kcat -L is content with any address");
    let hung =
        elsewhere.command(timeout).args(["3", "sh", "-c", &format!("echo x | kcat -b {broker} -P -t t 2>/dev/null")]).status()?;
    ensure!(!hung.success(), "kcat -P cannot have delivered anything");
    Ok(())
}

/// The server has noticed by itself that somebody did not come back.
fn bounced(ground: &Ground, milena: &server::Server) -> Result<()> {
    let until = Instant::now() + Duration::from_secs(30);
    while Instant::now() < until {
        // Its own advertised address leads nowhere from here, too.
        let status =
            Command::new(&ground.milena).args(["status", "-o", "json", "--ignore-advertised", "-b", &milena.kafka]).output()?;
        let status: Value = serde_json::from_slice(&status.stdout).unwrap_or_default();
        let gone = status["server"]["did_not_come_back"].as_array().cloned().unwrap_or_default();
        if gone.iter().any(|b| b["from"] == THERE && b["told"] == "localhost:9092") {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    bail!("`status` does not show {THERE}, which was told localhost:9092 and did not come back")
}
