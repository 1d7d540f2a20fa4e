//! The systems that are measured: how each is started on a directory of its own, and stopped.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::jetstream;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum System {
    /// One thread that reads, syncs and answers.
    Floor,
    /// The same without the sync.
    FloorUnsynced,
    Milena,
    /// As it comes: no fsync.
    Kafka,
    /// With `log.flush.interval.messages=1`.
    KafkaFlush,
    /// NATS JetStream as it comes: no fsync of what is published, none of what is acknowledged.
    JetStream,
}

impl System {
    pub(crate) const ALL: [Self; 6] =
        [Self::Floor, Self::FloorUnsynced, Self::Milena, Self::Kafka, Self::KafkaFlush, Self::JetStream];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::FloorUnsynced => "floor-unsynced",
            Self::Milena => "milena",
            Self::Kafka => "kafka",
            Self::KafkaFlush => "kafka-flush",
            Self::JetStream => "jetstream",
        }
    }
    pub(crate) fn is_java(self) -> bool {
        matches!(self, Self::Kafka | Self::KafkaFlush)
    }
    /// It has a queue, and no word of Kafka's.
    pub(crate) fn is_only_a_queue(self) -> bool {
        self == Self::JetStream
    }
    pub(crate) fn is_floor(self) -> bool {
        matches!(self, Self::Floor | Self::FloorUnsynced)
    }
}

/// Where everything lies.
pub(crate) struct Place {
    pub(crate) milena: PathBuf,
    /// Class path of Apache Kafka.
    pub(crate) jars: String,
    /// The program `nats-server`.
    pub(crate) nats: PathBuf,
    /// Data directories are made below this one.
    pub(crate) dir: PathBuf,
}

pub(crate) struct Running {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) data: PathBuf,
    /// The HTTP door, which has the REST proxy too.
    pub(crate) web: Option<SocketAddr>,
    /// From exec to a port that accepts.
    pub(crate) listening: Duration,
}

impl Running {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
    /// SIGTERM, and waits for the end.
    pub(crate) fn stop(mut self) -> Result<PathBuf> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        self.child.wait()?;
        Ok(std::mem::take(&mut self.data))
    }
    /// SIGKILL: what a crash test does to it.
    pub(crate) fn kill(mut self) -> PathBuf {
        let _ = self.child.kill();
        let _ = self.child.wait();
        std::mem::take(&mut self.data)
    }
}
impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a system on a fresh directory.
pub(crate) fn start(place: &Place, system: System) -> Result<Running> {
    let data = place.dir.join(system.name());
    if data.exists() {
        fs::remove_dir_all(&data)?;
    }
    fs::create_dir_all(&data)?;
    start_on(place, system, data)
}

/// Starts a system on what is there.
pub(crate) fn start_on(place: &Place, system: System, data: PathBuf) -> Result<Running> {
    match system {
        System::Floor | System::FloorUnsynced => floor(system, data),
        System::Milena => milena(place, data),
        System::Kafka => kafka(place, data, ""),
        System::KafkaFlush => kafka(place, data, "log.flush.interval.messages=1\n"),
        System::JetStream => jetstream(place, data),
    }
}

fn floor(system: System, data: PathBuf) -> Result<Running> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("floor").arg("--dir").arg(&data);
    if system == System::FloorUnsynced {
        command.arg("--unsynced");
    }
    let begin = Instant::now();
    let (child, line) = first_line(&mut command)?;
    Ok(Running { child, address: line.trim().parse()?, data, web: None, listening: begin.elapsed() })
}

fn milena(place: &Place, data: PathBuf) -> Result<Running> {
    let mut command = Command::new(&place.milena);
    command
        .args([
            "serve",
            "--kafka",
            "127.0.0.1:0",
            "--http",
            "127.0.0.1:0",
            "--registry",
            "off",
            "--rest",
            "off",
            "-o",
            "json",
            "--data",
        ])
        .arg(&data);
    let begin = Instant::now();
    let (child, line) = first_line(&mut command)?;
    let listening = begin.elapsed();
    let ready: serde_json::Value = serde_json::from_str(&line).with_context(|| format!("no ready line: {line:?}"))?;
    let address = ready["kafka"].as_str().context("no address")?.parse()?;
    let web = ready["http"].as_str().map(str::parse).transpose()?;
    Ok(Running { child, address, data, web, listening })
}

fn first_line(command: &mut Command) -> Result<(Child, String)> {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().with_context(|| format!("cannot start {command:?}"))?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().context("stdout is piped")?).read_line(&mut line)?;
    Ok((child, line))
}

fn kafka(place: &Place, data: PathBuf, extra: &str) -> Result<Running> {
    let properties = data.join("server.properties");
    let fresh = !properties.exists();
    if fresh {
        fs::write(&properties, kafka_properties(&data, extra)?)?;
        let format = ["kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qg", "-c"];
        let output = Command::new("java").args(["-cp", &place.jars]).args(format).arg(&properties).output()?;
        if !output.status.success() {
            bail!("formatting failed: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
    let text = fs::read_to_string(&properties)?;
    let address =
        text.lines().find_map(|l| l.strip_prefix("advertised.listeners=PLAINTEXT://")).context("an address")?.parse()?;
    let log = fs::File::create(data.join("log.txt"))?;
    let begin = Instant::now();
    let child = Command::new("java")
        .args(["-Xmx1g", "-Xms1g", "-XX:+UseG1GC", "-cp", &place.jars, "kafka.Kafka"])
        .arg(&properties)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()?;
    while TcpStream::connect(address).is_err() {
        if begin.elapsed() > Duration::from_secs(120) {
            bail!("Apache Kafka did not listen within two minutes");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(Running { child, address, data, web: None, listening: begin.elapsed() })
}

fn jetstream(place: &Place, data: PathBuf) -> Result<Running> {
    let address = free()?;
    let begin = Instant::now();
    let child = Command::new(&place.nats)
        .args(["-a", "127.0.0.1", "-p", &address.port().to_string(), "-js", "-sd"])
        .arg(&data)
        .arg("-l")
        .arg(data.join("log.txt"))
        .stdin(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start {}", place.nats.display()))?;
    while !jetstream::listens(address) {
        if begin.elapsed() > Duration::from_secs(30) {
            bail!("NATS did not listen within half a minute");
        }
        std::thread::sleep(jetstream::PATIENCE);
    }
    Ok(Running { child, address, data, web: None, listening: begin.elapsed() })
}

/// An address that nobody has.
fn free() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

fn kafka_properties(data: &Path, extra: &str) -> Result<String> {
    let (broker, controller) = (free()?.port(), free()?.port());
    Ok(format!(
        "process.roles=broker,controller\nnode.id=1\ncontroller.listener.names=CONTROLLER\n\
         controller.quorum.voters=1@127.0.0.1:{controller}\n\
         listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{broker}\nlog.dirs={}\n\
         offsets.topic.replication.factor=1\ntransaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n\
         share.coordinator.state.topic.replication.factor=1\nshare.coordinator.state.topic.min.isr=1\n{extra}",
        data.join("data").display()
    ))
}
