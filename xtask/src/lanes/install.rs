//! `milena install` over a real sshd, as a user whose sudo wants a terminal and a password: everything that can go wrong on the way,
//! then the way itself. The machine is this one in namespaces of its own; systemd is stood in for by a script, since none runs there.

use std::{
    fs,
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use super::apache::free_port;
use crate::{
    lane::{Ground, Unable, room},
    run,
};

pub(crate) const NEEDS: &[(&str, &str)] = &[
    ("sshd", "openssh-server"),
    ("ssh", "openssh-client"),
    ("ssh-keygen", "openssh-client"),
    ("sudo", "sudo"),
    ("unshare", "util-linux"),
];

const PASSWORD: &str = "a pass-word of 1 lane";

/// The other machine. Everything in it ends with its sshd.
struct Machine {
    sshd: Child,
    port: u16,
    dir: PathBuf,
    milena: PathBuf,
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.sshd.kill();
        let _ = self.sshd.wait();
    }
}

pub(crate) fn run(ground: &Ground) -> Result<String> {
    let namespaces = ["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc", "true"];
    run::quiet(Command::new("unshare").args(namespaces))
        .map_err(|error| Unable(format!("root, for namespaces and users of its own: {error:#}")))?;
    let machine = Machine::start(ground)?;
    let refused = refusals(&machine)?;
    let done = the_way(&machine)?;
    Ok(format!("{refused} refusals that leave nothing behind, {done} installations"))
}

impl Machine {
    fn start(ground: &Ground) -> Result<Self> {
        let dir = room(ground, "install")?;
        fs::remove_dir_all(&dir)?;
        fs::create_dir_all(&dir)?;
        fs::write(dir.join("systemctl"), include_str!("install/systemctl.sh"))?;
        fs::write(dir.join("machine"), include_str!("install/machine.sh"))?;
        fs::write(dir.join("password"), format!("{PASSWORD}\n"))?;
        fs::write(dir.join("wrong"), "not it\n")?;
        for key in ["host_key", "other_key"] {
            run::quiet(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(dir.join(key)))?;
        }
        let port = free_port()?;
        let log = fs::File::create(dir.join("sshd.log"))?;
        let sshd = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc", "sh"])
            .arg(dir.join("machine"))
            .arg(&dir)
            .args([port.to_string(), PASSWORD.to_string()])
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot start unshare")?;
        let mut machine = Self { sshd, port, dir, milena: ground.milena.clone() };
        machine.wait()?;
        let key = fs::read_to_string(machine.dir.join("host_key.pub"))?;
        fs::write(machine.dir.join("known"), format!("[127.0.0.1]:{port} {key}"))?;
        let other = fs::read_to_string(machine.dir.join("other_key.pub"))?;
        fs::write(machine.dir.join("changed"), format!("[127.0.0.1]:{port} {other}"))?;
        fs::write(machine.dir.join("unknown"), "")?;
        Ok(machine)
    }

    fn wait(&mut self) -> Result<()> {
        let until = Instant::now() + Duration::from_secs(20);
        while Instant::now() < until {
            if std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return Ok(());
            }
            if let Some(status) = self.sshd.try_wait()? {
                bail!("sshd ended with {status}: {}", fs::read_to_string(self.dir.join("sshd.log"))?);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("sshd does not listen")
    }

    /// `milena install` with these words. Without a terminal, so that nobody can be asked.
    fn install(&self, user: &str, known: &str, words: &[&str]) -> Result<Told> {
        let mut command = Command::new("setsid");
        command.arg("--wait").arg(&self.milena).arg("install").arg(format!("{user}@127.0.0.1"));
        for option in [
            format!("Port={}", self.port),
            format!("UserKnownHostsFile={}", self.dir.join(known).display()),
            "GlobalKnownHostsFile=/dev/null".into(),
            "PubkeyAuthentication=no".into(),
            "StrictHostKeyChecking=ask".into(),
        ] {
            command.args(["--ssh-option", &option]);
        }
        if !words.contains(&"--password-file") {
            command.arg("--password-file").arg(self.dir.join("password"));
        }
        let output = command.args(words).stdin(Stdio::null()).output().context("cannot start milena")?;
        let told = Told::of(&output);
        ensure!(!told.text.contains(PASSWORD), "the password is shown: {}", told.text);
        Ok(told)
    }

    fn ready(&self, words: &[&str]) -> Result<Told> {
        self.install("jane", "known", words)
    }

    /// Whether a test of the shell holds on the machine.
    fn sees(&self, test: &str) -> Result<bool> {
        let inside = self.inside()?.to_string();
        let mut look = Command::new("nsenter");
        look.args(["--target", &inside, "--mount", "sh", "-c", &format!("{{ {test}; }} >/dev/null 2>&1")]);
        Ok(look.status()?.success())
    }

    /// The process that has the namespaces: the child of `unshare`.
    fn inside(&self) -> Result<u32> {
        let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", self.sshd.id()))?;
        children.split_whitespace().next().and_then(|pid| pid.parse().ok()).context("unshare has a child")
    }
}

struct Told {
    code: Option<i32>,
    text: String,
}

impl Told {
    fn of(output: &Output) -> Self {
        let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
        Self { code: output.status.code(), text: String::from_utf8_lossy(&text).into_owned() }
    }

    fn must(self, code: i32, words: &str) -> Result<Self> {
        ensure!(
            self.code == Some(code) && self.text.contains(words),
            "wanted {code} and {words:?}, got {:?}: {}",
            self.code,
            self.text
        );
        Ok(self)
    }
}

/// Everything that is in the way, each with its words; and nothing is left of the attempt.
fn refusals(machine: &Machine) -> Result<usize> {
    let (kafka, http) = (address()?, address()?);
    let doors = ["--kafka", &kafka, "--http", &http];
    let with = |more: &[&str]| -> Vec<String> { [&doors[..], more].concat().iter().map(ToString::to_string).collect() };
    let try_it = |user: &str, known: &str, more: &[&str], code: i32, words: &str| -> Result<()> {
        let all = with(more);
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        machine.install(user, known, &all)?.must(code, words).with_context(|| format!("{user}, {known}, {more:?}"))?;
        ensure!(machine.sees("! id -u milena && ! [ -e /usr/local/bin/milena ] && ! [ -e /etc/systemd/system/milena.service ] && ! [ -e /var/lib/milena ] && ! ls /tmp/milena-install.*")?, "{more:?} left something behind");
        Ok(())
    };
    let wrong = machine.dir.join("wrong").display().to_string();
    let foreign = machine.dir.join("foreign");
    let mut elf = fs::read(&machine.milena)?;
    elf.truncate(4096);
    elf[18] = 183;
    fs::write(&foreign, elf)?;
    let broken = machine.dir.join("broken");
    let mut elf = fs::read(&machine.milena)?;
    elf.truncate(4096);
    fs::write(&broken, elf)?;
    try_it("jane", "changed", &[], 4, "is not the right one")?;
    try_it("jane", "unknown", &[], 4, "is not known here")?;
    try_it("jane", "known", &["--password-file", &wrong], 4, "does not")?;
    try_it("john", "known", &[], 4, "no rights to use sudo")?;
    try_it("jane", "known", &["--binary", &foreign.display().to_string()], 1, "is x86_64, and this program is for aarch64")?;
    try_it("jane", "known", &["--binary", &broken.display().to_string()], 1, "does not run on")?;
    try_it("jane", "known", &["--program", "/opt/full/milena"], 1, "No space left on device")?;
    let holder = TcpListener::bind("127.0.0.1:0")?;
    let taken = holder.local_addr()?.to_string();
    machine.ready(&["--kafka", &taken, "--http", "off"])?.must(1, "something else listens on port")?;
    // An address that the machine does not have is found out by the server itself, after everything was put in place.
    machine.ready(&["--kafka", "192.0.2.1:9092", "--http", "off"])?.must(1, "was taken back")?;
    ensure!(
        machine.sees("! id -u milena && ! [ -e /usr/local/bin/milena ] && ! [ -e /etc/systemd/system/milena.service ]")?,
        "a failed start left something"
    );
    Ok(9)
}

fn the_way(machine: &Machine) -> Result<usize> {
    let (kafka, http, other) = (address()?, address()?, address()?);
    let doors = ["--kafka", &kafka, "--http", &http];
    let dry = machine.ready(&[&doors[..], &["--dry-run"]].concat())?.must(0, "useradd --system")?;
    ensure!(
        dry.text.contains("systemctl restart milena.service") && machine.sees("! id -u milena")?,
        "a dry run does nothing: {}",
        dry.text
    );
    let first = machine.ready(&doors)?.must(0, "it answers at")?;
    ensure!(
        first.text.contains("made the user milena") && (first.text.contains("checks") || first.text.contains("warning")),
        "doctor has a word: {}",
        first.text
    );
    milena(machine, &["produce", "kept", "one message", "-b", &kafka])?;
    machine.ready(&doors)?.must(0, "nothing to do")?;
    let changed = machine.ready(&["--kafka", &kafka, "--http", &other])?.must(0, "wrote /etc/systemd/system/milena.service")?;
    ensure!(!changed.text.contains("put the program"), "only what differs is done: {}", changed.text);
    // A change that does not start is taken back, and the server that ran before runs again.
    machine.ready(&["--kafka", "192.0.2.1:9092", "--http", &other])?.must(1, "was taken back")?;
    ensure!(milena(machine, &["read", "kept", "-b", &kafka])?.contains("one message"), "the server that ran before runs again");
    machine.ready(&["--uninstall"])?.must(0, "the data stay in /var/lib/milena")?;
    ensure!(machine.sees("! [ -e /usr/local/bin/milena ] && [ -d /var/lib/milena ]")?, "the data stay");
    machine.ready(&doors)?.must(0, "it answers at")?;
    ensure!(milena(machine, &["read", "kept", "-b", &kafka])?.contains("one message"), "the data are there again");
    machine.ready(&["--uninstall", "--purge-data"])?.must(0, "nothing was done")?;
    machine.ready(&["--uninstall", "--purge-data", "--yes"])?.must(0, "deleted /var/lib/milena")?;
    ensure!(machine.sees("! [ -e /var/lib/milena ] && ! id -u milena && ! ls /tmp/milena-install.*")?, "nothing is left");
    Ok(5)
}

fn milena(machine: &Machine, words: &[&str]) -> Result<String> {
    run::quiet(Command::new(&machine.milena).args(words))
}

fn address() -> Result<String> {
    Ok(format!("127.0.0.1:{}", free_port()?))
}
