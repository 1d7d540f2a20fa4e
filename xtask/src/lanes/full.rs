//! The release binary where the disk says no: a small file system that runs full, and writes that fail. Records are refused
//! with Kafka's own code, reads go on, what was acknowledged is there, and room that is given back heals.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, bail, ensure};

use super::{fresh::milena, server::Server};
use crate::{
    lane::{Ground, room},
    run,
};

/// Messages of one round, about a kilobyte each.
const ROUND: usize = 3000;
/// More rounds than any limit here lets through.
const ROUNDS: usize = 40;
const TOPIC: &str = "kept";
const BALLAST: &str = "ballast";

pub(crate) fn run(ground: &Ground) -> Result<String> {
    let failing = failing_writes(ground)?;
    let full = match Small::mount(&room(ground, "full")?.join("disk")) {
        Ok(small) => full_disk(ground, &small)?,
        Err(why) => format!("no full disk tried, since no small one can be mounted: {why:#}"),
    };
    Ok(format!("{full}; {failing}"))
}

/// What was acknowledged, in order, and where lines for the command line are put.
struct Ledger<'a> {
    ground: &'a Ground,
    lines: PathBuf,
    acknowledged: Vec<String>,
    rounds: usize,
}

impl<'a> Ledger<'a> {
    fn new(ground: &'a Ground) -> Result<Self> {
        Ok(Self { ground, lines: room(ground, "full")?.join("lines"), acknowledged: Vec::new(), rounds: 0 })
    }

    /// Writes so many messages to the topic; what the command line said when not all of them were acknowledged.
    fn write(&mut self, server: &Server, topic: &str, count: usize) -> Result<Option<String>> {
        self.rounds += 1;
        let filler = "x".repeat(1000);
        let values: Vec<String> = (0..count).map(|n| format!("{} {n} {filler}", self.rounds)).collect();
        std::fs::write(&self.lines, values.join("\n") + "\n")?;
        let output = Command::new(&self.ground.milena)
            .args(["produce", topic, "-p", "0", "--file"])
            .arg(&self.lines)
            .env("MILENA_BROKER", &server.kafka)
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let whole = output.status.success();
        let taken = if whole { count } else { number_behind(&said, "stopped after ").unwrap_or(0) };
        if topic == TOPIC {
            self.acknowledged.extend(values.into_iter().take(taken));
        }
        Ok((!whole).then_some(said))
    }

    /// Until the broker refuses; its refusal must carry Kafka's code for a disk in trouble.
    fn write_until_refused(&mut self, server: &Server) -> Result<()> {
        for _ in 0..ROUNDS {
            if self.write(server, TOPIC, ROUND)?.is_some() {
                let said = self.write(server, TOPIC, 1)?.unwrap_or_default();
                ensure!(said.contains("KAFKA_STORAGE_ERROR"), "refused with other words: {said}");
                return Ok(());
            }
        }
        bail!("{ROUNDS} rounds of {ROUND} messages, and nothing was refused")
    }

    /// Everything acknowledged is read back, once, in order.
    fn check(&self, server: &Server) -> Result<()> {
        let read = milena(self.ground, server, &["read", TOPIC, "-q", "-f", "%s\\n"], "")?;
        let known: HashSet<&str> = self.acknowledged.iter().map(String::as_str).collect();
        let found: Vec<&str> = read.lines().filter(|line| known.contains(line)).collect();
        let same = found.iter().copied().eq(self.acknowledged.iter().map(String::as_str));
        ensure!(same, "{} messages were acknowledged, {} of them are read, or not in order", known.len(), found.len());
        Ok(())
    }
}

fn number_behind(text: &str, words: &str) -> Option<usize> {
    let rest = &text[text.find(words)? + words.len()..];
    rest.split_whitespace().next()?.parse().ok()
}

/// A file system of a few megabytes in memory, for as long as this lives.
struct Small {
    at: PathBuf,
}

impl Small {
    fn mount(at: &Path) -> Result<Self> {
        std::fs::create_dir_all(at)?;
        // What an earlier run that was killed has left.
        let _ = run::quiet(Command::new("umount").arg("-l").arg(at));
        run::quiet(Command::new("mount").args(["-t", "tmpfs", "-o", "size=40m", "milena-full"]).arg(at))?;
        Ok(Self { at: at.into() })
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = run::quiet(Command::new("umount").arg("-l").arg(&self.at));
    }
}

fn full_disk(ground: &Ground, small: &Small) -> Result<String> {
    let data = small.at.join("data");
    let mut ledger = Ledger::new(ground)?;
    let server = Server::start(&ground.milena, &data, &[])?;
    if let Some(said) = ledger.write(&server, BALLAST, ROUND)? {
        bail!("an empty disk is called full: {said}");
    }
    ledger.write_until_refused(&server)?;
    ledger.check(&server)?;
    let before = ledger.acknowledged.len();
    milena(ground, &server, &["topic", "rm", BALLAST, "--now", "--yes"], "")?;
    // The command line itself tries again for ten seconds.
    if let Some(said) = ledger.write(&server, TOPIC, 1)? {
        bail!("three megabytes were given back, and one kilobyte is refused: {said}");
    }
    drop(server);
    let server = Server::start(&ground.milena, &data, &[])?;
    ledger.check(&server)?;
    Ok(format!("full after {before} KB of 40 MB, read, healed, killed, all there"))
}

/// A limit on the size of files makes real writes fail, since its signal is ignored.
fn failing_writes(ground: &Ground) -> Result<String> {
    const LIMITED: &str = "trap '' XFSZ; ulimit -f 8192; exec \"$0\" serve --data \"$1\"";
    let data = room(ground, "full")?.join("limited");
    if data.exists() {
        std::fs::remove_dir_all(&data)?;
    }
    let mut ledger = Ledger::new(ground)?;
    let server = Server::adopt(Command::new("sh").args(["-c", LIMITED]).arg(&ground.milena).arg(&data))?;
    ledger.write_until_refused(&server)?;
    ledger.check(&server)?;
    drop(server);
    let server = Server::start(&ground.milena, &data, &[])?;
    ledger.check(&server)?;
    let before = ledger.acknowledged.len();
    if let Some(said) = ledger.write(&server, TOPIC, ROUND)? {
        bail!("the limit is gone, and writes are refused: {said}");
    }
    ledger.check(&server)?;
    Ok(format!("writes failed after {before} KB, read, killed, all there"))
}
