//! A broker of this build on free ports, and commands against it.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use regex::Regex;
use serde_json::Value;

pub(crate) const MILENA: &str = env!("CARGO_BIN_EXE_milena");

pub(crate) struct Server {
    child: Child,
    pub(crate) ready: Value,
}

impl Server {
    pub(crate) fn ephemeral() -> Self {
        Self::start(&["--ephemeral"])
    }
    pub(crate) fn on(data: &Path) -> Self {
        Self::start(&["--data", data.to_str().unwrap()])
    }

    /// One that may open so many files.
    pub(crate) fn with_descriptors(data: &Path, limit: u32) -> Self {
        let mut command = limited(limit);
        command.args(SERVE).args(["--data", data.to_str().unwrap()]);
        Self::spawn(command)
    }

    /// One that has only the registry's own door beside Kafka's.
    pub(crate) fn with_registry_only() -> Self {
        let doors = ["--kafka", "127.0.0.1:0", "--http", "off", "--registry", "127.0.0.1:0", "--rest", "off"];
        let mut command = bare(&["serve", "--ephemeral", "-o", "json"]);
        command.args(doors);
        Self::spawn(command)
    }

    /// What it says when it may open so few that it does not start.
    pub(crate) fn refused_with_descriptors(limit: u32) -> Output {
        limited(limit).args(SERVE).arg("--ephemeral").output().unwrap()
    }

    /// One that comes back where another was.
    pub(crate) fn again(data: &Path, kafka: &str, http: &str) -> Self {
        let mut command =
            bare(&["serve", "--kafka", kafka, "--http", http, "--registry", "127.0.0.1:0", "--rest", "127.0.0.1:0"]);
        command.args(["-o", "json", "--data", data.to_str().unwrap()]);
        Self::spawn(command)
    }

    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut command = bare(SERVE);
        command.args(arguments);
        Self::spawn(command)
    }

    fn spawn(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready = serde_json::from_str(&line).expect("one line of JSON says that it is ready");
        Self { child, ready }
    }

    pub(crate) fn kafka(&self) -> &str {
        self.ready["kafka"].as_str().unwrap()
    }

    /// Bytes of memory that the process has now.
    pub(crate) fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux tells it");
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// A command that talks to this broker.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = bare(arguments);
        command.env("MILENA_BROKER", self.kafka());
        command
    }

    /// Runs one to its end, with something on its stdin.
    pub(crate) fn run(&self, arguments: &[&str], input: &[u8]) -> Output {
        feed(self.command(arguments), input)
    }

    /// Its stdout, when it must succeed.
    pub(crate) fn out(&self, arguments: &[&str], input: &[u8]) -> String {
        let output = self.run(arguments, input);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM; gives how long it took to end.
    pub(crate) fn terminate(mut self) -> Duration {
        let begin = Instant::now();
        assert!(Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
        begin.elapsed()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const SERVE: &[&str] = &[
    "serve",
    "--kafka",
    "127.0.0.1:0",
    "--http",
    "127.0.0.1:0",
    "--registry",
    "127.0.0.1:0",
    "--rest",
    "127.0.0.1:0",
    "-o",
    "json",
];

/// The binary under a limit of open files that it cannot raise.
fn limited(limit: u32) -> Command {
    let mut command = stripped(Command::new("sh"));
    command.args(["-c", &format!("ulimit -n {limit}; exec \"$0\" \"$@\""), MILENA]);
    command
}

/// The binary without anything that this machine's user has set.
pub(crate) fn bare(arguments: &[&str]) -> Command {
    let mut command = stripped(Command::new(MILENA));
    command.args(arguments);
    command
}

fn stripped(mut command: Command) -> Command {
    command.stdin(Stdio::null()).env("HOME", std::env::temp_dir().join("milena-has-no-home")).env("TZ", "UTC");
    for name in ["MILENA_BROKER", "MILENA_CONTEXT", "MILENA_CONFIG", "MILENA_DATA", "XDG_CONFIG_HOME"] {
        command.env_remove(name);
    }
    command
}

pub(crate) fn feed(mut command: Command, input: &[u8]) -> Output {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A command that does not read its input has closed it.
    let _ = stdin.write_all(input);
    drop(stdin);
    child.wait_with_output().unwrap()
}

/// What differs from run to run, put aside: times, durations, ids, addresses.
pub(crate) fn settled(text: &str) -> String {
    let rules = [
        (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d)?", "<time>"),
        (r"\d\d:\d\d:\d\d\.\d{3}", "<time>"),
        (r"\d+(\.\d+)? (ms|s)\b", "<while>"),
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<id>"),
        (r"(cluster +)[A-Za-z0-9_-]{22}", "${1}<id>"),
        (r"(127\.0\.0\.1|localhost):\d+", "<address>"),
        (r#""ts":\d+"#, r#""ts":<time>"#),
        (r"/\S*/contexts\.toml", "<file>"),
        // How many batches a stream of lines becomes is a matter of time.
        (r"\d+(\.\d+)? (B|KiB|MiB)\b", "<size>"),
        // What was aligned to a column before is not any more.
        (r" {2,}", "  "),
    ];
    rules.iter().fold(text.trim_end().to_string(), |text, (pattern, by)| {
        Regex::new(pattern).unwrap().replace_all(&text, *by).into_owned()
    })
}
