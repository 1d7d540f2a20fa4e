//! The command line on a large file: a million records from JSON and back, and how long a start takes, beside avro-tools.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use super::{JSON, SCHEMA};
use crate::measure;

const RECORDS: usize = 1_000_000;

/// What one command took.
struct Cost {
    wall: f64,
    cpu: f64,
    peak: u64,
}

/// `milena` is the release binary, `tools` the jar of avro-tools.
pub(super) fn run(milena: &Path, tools: Option<&Path>, dir: &Path) -> Result<()> {
    std::fs::create_dir_all(dir)?;
    let (schema, lines) = (dir.join("user.avsc"), dir.join("users.json"));
    std::fs::write(&schema, SCHEMA)?;
    // avro-tools takes unions with tags only, and ours with or without.
    let json = JSON.replacen(r#""city":"Praha""#, r#""city":{"string":"Praha"}"#, 1);
    let mut out = BufWriter::new(File::create(&lines)?);
    for n in 0..RECORDS {
        writeln!(
            out,
            "{}",
            json.replacen("1234567890123", &n.to_string(), 1).replace("\"age\":41", &format!("\"age\":{}", n % 100))
        )?;
    }
    out.flush()?;
    println!(
        "{RECORDS} records, {} MB as JSON; wall seconds, CPU seconds, peak MB",
        std::fs::metadata(&lines)?.len() / 1_000_000
    );
    let small = dir.join("one.json");
    std::fs::write(&small, format!("{json}\n"))?;
    let ours = |verb: &str| {
        let mut command = Command::new(milena);
        command.args(["avro", verb]);
        command
    };
    all("milena", &ours, (&schema, &lines, &small), dir)?;
    let Some(tools) = tools else {
        println!("left out: avro-tools (--avro-tools says where its jar is)");
        return Ok(());
    };
    let theirs = |verb: &str| {
        let mut command = Command::new("java");
        command.arg("-jar").arg(tools).arg(verb);
        command
    };
    all("avro-tools", &theirs, (&schema, &lines, &small), dir)
}

fn all(whose: &str, command: &dyn Fn(&str) -> Command, (schema, lines, small): (&Path, &Path, &Path), dir: &Path) -> Result<()> {
    let (made, back) = (dir.join(format!("{whose}.avro")), dir.join(format!("{whose}.json")));
    let say = |what: &str, cost: Cost| {
        println!("{:<44} {:>8.3} {:>8.3} {:>8.1}", format!("{whose}: {what}"), cost.wall, cost.cpu, cost.peak as f64 / 1e6);
    };
    say("fromjson, one record", timed(command("fromjson").arg("--schema-file").arg(schema).arg(small), &made)?);
    say("fromjson", timed(command("fromjson").arg("--schema-file").arg(schema).arg(lines), &made)?);
    say("tojson", timed(command("tojson").arg(&made), &back)?);
    ensure!(std::fs::read_to_string(&back)?.lines().count() == RECORDS, "{whose} lost records");
    Ok(())
}

/// Runs a command whose output goes to a file.
fn timed(command: &mut Command, out: &Path) -> Result<Cost> {
    // What the run before has left is emptied, and on its way to the disk: that is nobody's work here.
    let file = File::create(out)?;
    rustix::fs::sync();
    let before = children()?;
    let begin = Instant::now();
    let mut child = command.stdout(file).stderr(Stdio::null()).spawn().with_context(|| format!("{command:?}"))?;
    let mut peak = 0;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        peak = measure::memory(child.id(), "VmHWM").unwrap_or(peak).max(peak);
        sleep(Duration::from_millis(1));
    };
    let wall = begin.elapsed().as_secs_f64();
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(Cost { wall, cpu: children()? - before, peak })
}

/// CPU seconds of all children that have ended.
fn children() -> Result<f64> {
    const TICKS: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    // cutime and cstime, counted from the state that follows the name.
    Ok((ticks(13) + ticks(14)) / TICKS)
}
