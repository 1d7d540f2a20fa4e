//! The README is run: its `console` blocks from top to bottom, with the broker that they start, kill and start again.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use regex::Regex;

use crate::{
    manual::{Part, parts},
    server::{MILENA, bare, settled},
};

struct Broker {
    child: Child,
    /// Held so that the broker never writes into nothing.
    _out: BufReader<std::process::ChildStdout>,
    kafka: String,
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `milena serve` in `dir`, on free ports. Gives its banner too.
fn serve(dir: &Path) -> (Broker, String) {
    let mut command =
        bare(&["serve", "--kafka", "127.0.0.1:0", "--http", "127.0.0.1:0", "--registry", "127.0.0.1:0", "--rest", "127.0.0.1:0"]);
    let mut child = command.current_dir(dir).stdout(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut banner = String::new();
    while !banner.contains("Next:") {
        assert!(out.read_line(&mut banner).unwrap() > 0, "the broker ended: {banner}");
    }
    let kafka = Regex::new(r"Kafka +(\S+)").unwrap().captures(&banner).unwrap()[1].to_string();
    (Broker { child, _out: out, kafka }, banner)
}

fn print(command: &str, dir: &Path, broker: &Broker) -> String {
    let path = format!("{}:{}", Path::new(MILENA).parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("bash");
    shell.args(["-c", &format!("exec 2>&1\n{command}\n")]).current_dir(dir).env("PATH", path).env("HOME", dir);
    shell.env("MILENA_BROKER", &broker.kafka).env_remove("MILENA_CONTEXT").env_remove("XDG_CONFIG_HOME").env("TZ", "UTC");
    String::from_utf8(shell.output().unwrap().stdout).unwrap()
}

/// The block with Kafka's own console consumer: what it hands to `od` are the bytes of each message and a line feed.
#[test]
fn the_old_way_shows_the_bytes_that_the_readme_shows() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md")).unwrap();
    let (_, block) = text.split_once("kafka-console-consumer.sh").unwrap();
    let (_, block) = block.split_once('\n').unwrap();
    let (expected, _) = block.split_once("```").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (broker, _) = serve(dir.path());
    print("milena produce hello 'my first message'", dir.path(), &broker);
    assert_eq!(print("milena read hello -q -f '%s\\n' | od -A d -t x1z", dir.path(), &broker), expected);
}

#[test]
fn the_readme_prints_what_the_commands_print() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mut broker: Option<Broker> = None;
    // How many facts and batches it took is a matter of time.
    let counts = Regex::new(r"\d+ batch(es)? and \d+ facts?").unwrap();
    let alike = |text: &str| counts.replace(&settled(text), "<counts>").into_owned();
    let (mut starts, mut kills) = (0, 0);
    for (command, expected) in parts(&text).into_iter().flat_map(|p| if let Part::Block(steps) = p { steps } else { Vec::new() })
    {
        let printed = match (command.as_str(), &broker) {
            ("milena serve", _) => {
                let (started, banner) = serve(dir.path());
                broker = Some(started);
                starts += 1;
                banner
            }
            (kill, Some(_)) if kill.starts_with("kill -9") => {
                broker = None;
                kills += 1;
                String::new()
            }
            (_, Some(broker)) => print(&command, dir.path(), broker),
            (_, None) => panic!("the README starts a broker first"),
        };
        assert_eq!(alike(&printed), alike(&expected), "$ {command}");
    }
    assert_eq!((starts, kills), (2, 1), "the README starts, kills and starts again");
}
