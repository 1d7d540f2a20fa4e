//! Apache Kafka itself, from Maven Central: the oracle that doubtful behaviour is asked of, and the tools that drive both.

use std::{
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{
    lane::{Ground, room},
    run,
};

/// What the Java lanes need, with the Debian packages that bring it.
pub(crate) const JAVA: &[(&str, &str)] = &[("java", "openjdk-17-jdk-headless"), ("mvn", "maven")];

/// The class path of Apache Kafka, its clients and its tools; downloaded once.
pub(crate) fn jars(ground: &Ground) -> Result<String> {
    copied(&ground.root.join("conformance/java/pom.xml"), &room(ground, "java")?.join("lib"))
}

/// The class path of what a pom depends on, copied to `lib` once for each state of the pom.
pub(crate) fn copied(pom: &Path, lib: &Path) -> Result<String> {
    let stamp = lib.join("pom.xml");
    let wanted = std::fs::read(pom)?;
    if std::fs::read(&stamp).ok().as_ref() != Some(&wanted) {
        let out = format!("-DoutputDirectory={}", lib.display());
        let copy = ["dependency:copy-dependencies", "-DincludeScope=runtime", &out];
        run::quiet(Command::new("mvn").args(["-q", "-B", "-f"]).arg(pom).args(copy))?;
        std::fs::write(stamp, wanted)?;
    }
    Ok(format!("{}/*", lib.display()))
}

/// A running Apache Kafka: one combined node, default configuration but for what `extra` says; `{port}` and
/// `{controller}` stand there for its ports.
pub(crate) struct Apache {
    child: Child,
    pub(crate) kafka: String,
    /// The port of its controller, for nodes that join it.
    pub(crate) controller: u16,
}

impl Apache {
    pub(crate) fn start(ground: &Ground, name: &str, extra: &[&str]) -> Result<Self> {
        Self::start_of(ground, &jars(ground)?, name, &[], extra)
    }

    /// The Apache Kafka that these jars are. `words` are said when its directory is made.
    pub(crate) fn start_of(ground: &Ground, jars: &str, name: &str, words: &[&str], extra: &[&str]) -> Result<Self> {
        let dir = room(ground, &format!("apache-{name}"))?;
        let data = dir.join("data");
        if data.exists() {
            std::fs::remove_dir_all(&data)?;
        }
        let (broker, controller) = (free_port()?, free_port()?);
        let properties = properties(&dir, &data, broker, controller, extra)?;
        let format = ["kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qg", "-c"];
        run::quiet(Command::new("java").args(["-cp", jars]).args(format).arg(&properties).args(words))?;
        let log = std::fs::File::create(dir.join("log.txt"))?;
        let child = Command::new("java")
            .args(["-Xmx1g", "-cp", jars, "kafka.Kafka"])
            .arg(&properties)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot start java")?;
        let apache = Self { child, kafka: format!("127.0.0.1:{broker}"), controller };
        apache.wait()?;
        Ok(apache)
    }

    /// The port opens when the broker is registered; its own tools retry what little is left.
    fn wait(&self) -> Result<()> {
        let until = Instant::now() + Duration::from_secs(150);
        while Instant::now() < until {
            if TcpStream::connect(&self.kafka).is_ok() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        bail!("Apache Kafka did not listen on {} within two and a half minutes", self.kafka)
    }
}

impl Drop for Apache {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn properties(dir: &Path, data: &Path, broker: u16, controller: u16, extra: &[&str]) -> Result<PathBuf> {
    let mut text = format!(
        "process.roles=broker,controller\nnode.id=1\ncontroller.listener.names=CONTROLLER\n\
         listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{broker}\nlog.dirs={}\n\
         offsets.topic.replication.factor=1\ntransaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n\
         share.coordinator.state.topic.replication.factor=1\nshare.coordinator.state.topic.min.isr=1\n",
        data.display()
    );
    for line in extra {
        text.push_str(&line.replace("{port}", &broker.to_string()).replace("{controller}", &controller.to_string()));
        text.push('\n');
    }
    // One that joins another's controller names it.
    if !extra.iter().any(|line| line.starts_with("controller.quorum.voters=")) {
        let id = extra.iter().rev().find_map(|l| l.strip_prefix("node.id=")).unwrap_or("1");
        text.push_str(&format!("controller.quorum.voters={id}@127.0.0.1:{controller}\n"));
    }
    let file = dir.join("server.properties");
    std::fs::write(&file, text)?;
    Ok(file)
}

/// A port that nobody listens on at this moment.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
