//! A server as a service manager and its administrator handle it: told when it is ready, reloaded, watched, and stopped; a
//! configuration that is checked before it is used.

use std::{
    os::unix::net::UnixDatagram,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::server::bare;

struct Service {
    child: Child,
    heard: UnixDatagram,
}

impl Service {
    /// Started in `dir`, where its `milena.toml` lies, with a manager that listens.
    fn start(dir: &Path, watchdog: Option<&str>) -> Self {
        let socket = dir.join("notify");
        let heard = UnixDatagram::bind(&socket).unwrap();
        heard.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut command = bare(&[
            "serve",
            "--ephemeral",
            "--kafka",
            "127.0.0.1:0",
            "--http",
            "off",
            "--registry",
            "off",
            "--rest",
            "off",
            "--config",
            "milena.toml",
        ]);
        command.current_dir(dir).env("NOTIFY_SOCKET", &socket).stdout(Stdio::null()).stderr(Stdio::null());
        if let Some(usec) = watchdog {
            command.env("WATCHDOG_USEC", usec);
        }
        Self { child: command.spawn().unwrap(), heard }
    }

    fn hears(&self) -> String {
        let mut bytes = [0; 1024];
        let n = self.heard.recv(&mut bytes).expect("it says something in time");
        String::from_utf8_lossy(&bytes[..n]).into_owned()
    }

    fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap().success());
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The Kafka address, from what a manager shows.
fn address(ready: &str) -> String {
    ready.split("Kafka at ").nth(1).and_then(|rest| rest.split(',').next()).expect("it says where it listens").to_string()
}

#[test]
fn the_manager_hears_of_every_change_and_a_reload_takes_what_can_change() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("milena.toml");
    std::fs::write(&file, "[server.set]\n\"num.partitions\" = 2\n").unwrap();
    let service = Service::start(dir.path(), None);
    let ready = service.hears();
    assert!(ready.starts_with("READY=1\nSTATUS="), "{ready}");
    let value = |name: &str| {
        let out = bare(&["config", "show", name, "--all", "-o", "json", "-b", &address(&ready)]).output().unwrap();
        let shown: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
        shown[0]["value"].as_str().unwrap().to_string()
    };
    assert_eq!((value("num.partitions"), value("message.max.bytes")), ("2".into(), "1048588".into()));
    // A file that is not right changes nothing, and the server goes on. What Kafka fixes at the start stays as it was.
    let renewed = "[server.set]\n\"num.partitions\" = 3\n\"message.max.bytes\" = 5000\n";
    for (text, expected) in [("[server]\nnonsense = 1\n", "1048588"), (renewed, "5000")] {
        std::fs::write(&file, text).unwrap();
        service.signal("-HUP");
        assert!(service.hears().starts_with("RELOADING=1\nMONOTONIC_USEC="));
        assert!(service.hears().starts_with("READY=1"));
        assert_eq!((value("num.partitions"), value("message.max.bytes")), ("2".into(), expected.into()));
    }
    service.signal("-TERM");
    assert_eq!(service.hears(), "STOPPING=1");
}

#[test]
fn a_reload_names_the_address_that_changed() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("milena.toml");
    let addresses = |port: u16| {
        format!("[server]\nkafka = \"127.0.0.1:0\"\nhttp = \"127.0.0.1:{port}\"\nregistry = \"off\"\nrest = \"off\"\n")
    };
    std::fs::write(&file, addresses(0)).unwrap();
    let log = dir.path().join("log");
    let mut child = bare(&["serve", "--ephemeral"])
        .current_dir(dir.path())
        .stdout(Stdio::piped())
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let mut ready = [0; 1];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut ready).unwrap();
    std::fs::write(&file, addresses(1)).unwrap();
    assert!(Command::new("kill").args(["-HUP", &child.id().to_string()]).status().unwrap().success());
    let said = || std::fs::read_to_string(&log).unwrap();
    let begin = Instant::now();
    while !said().contains("a restart is needed for http") {
        assert!(begin.elapsed() < Duration::from_secs(10), "{}", said());
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_watched_server_says_that_it_lives() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("milena.toml"), "").unwrap();
    let service = Service::start(dir.path(), Some("100000"));
    assert!(service.hears().starts_with("READY=1"));
    let begin = Instant::now();
    for _ in 0..3 {
        assert_eq!(service.hears(), "WATCHDOG=1");
    }
    assert!(begin.elapsed() >= Duration::from_millis(100), "at half of the manager's patience, not faster");
}

fn said(arguments: &[&str], dir: &Path) -> (Option<i32>, String) {
    let output = bare(arguments).current_dir(dir).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

#[test]
fn a_configuration_is_checked_without_a_start_and_slips_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("milena.toml");
    let check = |text: &str| {
        std::fs::write(&file, text).unwrap();
        said(&["config", "check"], dir.path())
    };
    let (code, text) = check("[server]\nkafka = \"0.0.0.0:9092\"\nadvertise = \"localhost:9092\"\n");
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("milena.toml: right") && text.contains("other machines will be told localhost:9092"), "{text}");
    let (code, text) = check("[server]\nkafak = \"0.0.0.0:9092\"\n");
    assert!(code == Some(64) && text.contains("did you mean \"kafka\"?"), "{text}");
    let (code, text) = check("[server.set]\nnum.partitions = 3\nlog.retention.ms = 5\n");
    assert!(code == Some(0), "{text}");
    let (code, text) = check("[server.set]\nnum.partitions = \"zz\"\n");
    assert!(code == Some(64) && text.contains("num.partitions (") && text.contains("milena.toml, line 2)"), "{text}");
    let (code, text) = check("[server.set]\n\"num.partition\" = 3\n");
    assert!(code == Some(64) && text.contains("did you mean \"num.partitions\"?"), "{text}");
    let (code, text) = check("[server]\nadvertise = \"0.0.0.0:9092\"\n");
    assert!(code == Some(64) && text.contains("no client can connect to 0.0.0.0"), "{text}");
    let (code, text) = said(&["config", "check", "absent.toml"], dir.path());
    assert!(code == Some(64) && text.contains("cannot be read"), "{text}");
    assert!(!dir.path().join("milena-data").exists(), "nothing was started");
}

#[test]
fn the_unit_is_one_that_systemd_takes() {
    let dir = tempfile::tempdir().unwrap();
    let (code, unit) = said(&["install", "--systemd", "--print-unit", "--program", "/bin/true", "--user", "root"], dir.path());
    assert_eq!(code, Some(0), "{unit}");
    for line in
        ["Type=notify", "LimitNOFILE=65536", "WatchdogSec=30", "NoNewPrivileges=yes", "ExecReload=/bin/kill -HUP $MAINPID"]
    {
        assert!(unit.lines().any(|l| l == line), "{line}");
    }
    assert_eq!(said(&["install", "--systemd", "--print-unit", "--user", "a b"], dir.path()).0, Some(64));
    let file = dir.path().join("milena.service");
    std::fs::write(&file, unit).unwrap();
    // Where there is no systemd, nobody can ask it.
    if let Ok(verified) = Command::new("systemd-analyze").arg("verify").arg(&file).output() {
        let words = String::from_utf8_lossy(&verified.stderr).into_owned();
        assert!(!words.contains("milena.service:"), "{words}");
    }
}
