//! A lane is one part of `cargo xtask test` that may need something a fresh machine lacks.
//!
//! Missing tools: with `CI=true` the lane fails (as root on Debian its packages are installed first); elsewhere it is skipped, and the
//! last lines of the run say so. A lane sets up its own clients, pinned, below `target/lanes/`.

use std::{
    cell::OnceCell,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context, Result};

use crate::run;

/// What every lane may use.
pub(crate) struct Ground {
    /// The checkout.
    pub(crate) root: PathBuf,
    /// Where cargo builds.
    pub(crate) target: PathBuf,
    /// Where lanes keep what they download and build.
    pub(crate) lanes: PathBuf,
    /// The release binary under test: a copy, wherever it was built.
    pub(crate) milena: PathBuf,
    /// `CI=true`: a missing tool is a failure.
    pub(crate) ci: bool,
    /// The binary under test was put there in this run.
    built: OnceCell<()>,
}

impl Ground {
    /// Where cargo puts the checkout's release binary.
    pub(crate) fn release(&self) -> PathBuf {
        self.target.join("release/milena")
    }

    /// Makes `binary` the one under test.
    pub(crate) fn put_under_test(&self, binary: &Path) -> Result<()> {
        std::fs::create_dir_all(&self.lanes)?;
        // A binary that still runs cannot be written over; its name can be given to another.
        let made = self.milena.with_extension("new");
        std::fs::copy(binary, &made).with_context(|| format!("cannot copy {}", binary.display()))?;
        std::fs::rename(made, &self.milena)?;
        let _ = self.built.set(());
        Ok(())
    }

    /// Whether this run has put one there.
    pub(crate) fn is_under_test(&self) -> bool {
        self.built.get().is_some()
    }
}

/// One lane: what it is called, which programs it needs (with the Debian package that brings each), and its work.
pub(crate) struct Lane {
    pub(crate) name: &'static str,
    pub(crate) needs: &'static [(&'static str, &'static str)],
    pub(crate) work: fn(&Ground) -> Result<String>,
}

/// How a lane ended.
pub(crate) enum End {
    Passed(String),
    Failed(String),
    Skipped(String),
}

pub(crate) struct Outcome {
    pub(crate) name: String,
    pub(crate) end: End,
    pub(crate) took: String,
}

/// What a lane's work says when this machine does not let it do what it must, such as mounting: skipped aloud, everywhere. A missing
/// tool can be installed, and is a failure with `CI=true`; a kernel's or a sandbox's refusal cannot be mended from here.
#[derive(Debug)]
pub(crate) struct Unable(pub(crate) String);

impl std::fmt::Display for Unable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unable {}

impl Lane {
    pub(crate) fn run(&self, ground: &Ground) -> Outcome {
        let start = Instant::now();
        eprintln!("\n== {} ==", self.name);
        let end = match self.missing(ground) {
            Some(missing) if ground.ci => End::Failed(format!("missing under CI=true: {missing}")),
            Some(missing) => End::Skipped(missing),
            None => match (self.work)(ground) {
                Ok(line) => End::Passed(line),
                Err(error) if error.is::<Unable>() => End::Skipped(error.to_string()),
                Err(error) => End::Failed(format!("{error:#}")),
            },
        };
        if let End::Failed(why) = &end {
            eprintln!("FAILED {}: {why}", self.name);
        }
        Outcome { name: self.name.into(), end, took: run::minutes(start) }
    }

    /// The programs that are not there, after an attempt to install them where that is allowed.
    fn missing(&self, ground: &Ground) -> Option<String> {
        let absent = || self.needs.iter().filter(|(program, _)| !run::has(program)).collect::<Vec<_>>();
        let packages: Vec<&str> = absent().iter().map(|(_, package)| *package).collect();
        if packages.is_empty() {
            return None;
        }
        if ground.ci && is_root() && run::has("apt-get") {
            install(&packages);
        }
        let left: Vec<&str> = absent().iter().map(|(program, _)| *program).collect();
        (!left.is_empty()).then(|| format!("{} (apt-get install -y {})", left.join(", "), packages.join(" ")))
    }
}

fn is_root() -> bool {
    run::quiet(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

/// Best effort: what is still missing afterwards is reported by the caller.
fn install(packages: &[&str]) {
    let _ = run::quiet(Command::new("apt-get").arg("update"));
    let mut command = Command::new("apt-get");
    command.args(["install", "-y", "--no-install-recommends"]).args(packages).env("DEBIAN_FRONTEND", "noninteractive");
    if let Err(error) = run::quiet(&mut command) {
        eprintln!("{error:#}");
    }
}

/// Prints the minutes by lane and what was skipped; true when nothing failed.
pub(crate) fn report(outcomes: &[Outcome]) -> bool {
    println!("\nlane                      minutes  result");
    for o in outcomes {
        let (word, line) = match &o.end {
            End::Passed(line) => ("passed", line),
            End::Failed(line) => ("FAILED", line),
            End::Skipped(line) => ("SKIPPED", line),
        };
        println!("{:<25} {:>7}  {word}: {}", o.name, o.took, line.lines().next().unwrap_or_default());
    }
    for o in outcomes {
        match &o.end {
            End::Skipped(why) => println!("SKIPPED, not tested here: {} needs {why}", o.name),
            End::Failed(why) => println!("FAILED: {}: {why}", o.name),
            End::Passed(_) => {}
        }
    }
    let failed = outcomes.iter().filter(|o| matches!(o.end, End::Failed(_))).count();
    let skipped = outcomes.iter().filter(|o| matches!(o.end, End::Skipped(_))).count();
    println!("\nlanes: {} passed, {failed} failed, {skipped} skipped", outcomes.len() - failed - skipped);
    failed == 0
}

/// A directory of a lane below `target/lanes/`, made if it is not there.
pub(crate) fn room(ground: &Ground, name: &str) -> Result<PathBuf> {
    let dir = ground.lanes.join(name);
    std::fs::create_dir_all(&dir)?;
    Ok(dir)
}

/// A Python virtual environment with pinned packages, made once for each set of pins.
pub(crate) fn venv(ground: &Ground, name: &str, pins: &[&str]) -> Result<PathBuf> {
    let dir = room(ground, name)?.join("venv");
    let stamp = dir.join("pins.txt");
    let wanted = pins.join("\n");
    if std::fs::read_to_string(&stamp).is_ok_and(|have| have == wanted) {
        return Ok(dir);
    }
    run::quiet(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&dir))?;
    run::quiet(Command::new(dir.join("bin/pip")).args(["install", "--quiet", "--disable-pip-version-check"]).args(pins))?;
    std::fs::write(stamp, wanted)?;
    Ok(dir)
}

/// What every lane of this checkout may use. `CARGO_TARGET_DIR` is asked here and nowhere else.
pub(crate) fn ground(root: &Path) -> Ground {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let lanes = target.join("lanes");
    let milena = lanes.join("milena");
    Ground {
        root: root.into(),
        target,
        lanes,
        milena,
        ci: std::env::var("CI").is_ok_and(|v| v == "true"),
        built: OnceCell::new(),
    }
}
