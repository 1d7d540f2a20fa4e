//! A Milena of one test: port 0, a directory of its own, stopped when dropped.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result, bail};

pub(crate) struct Server {
    child: Child,
    /// `127.0.0.1:PORT` of the Kafka door.
    pub(crate) kafka: String,
    /// The whole ready line.
    pub(crate) ready: serde_json::Value,
}

impl Server {
    /// Starts `milena serve` on `data` and waits for its ready line.
    pub(crate) fn start(milena: &Path, data: &Path, extra: &[&str]) -> Result<Self> {
        let mut command = Command::new(milena);
        command.arg("serve").arg("--data").arg(data).args(extra);
        Self::adopt(&mut command)
    }

    /// Takes over a command that ends in `milena serve`, with ports and output set by environment.
    pub(crate) fn adopt(command: &mut Command) -> Result<Self> {
        command
            .env("MILENA_KAFKA", "127.0.0.1:0")
            .env("MILENA_HTTP", "127.0.0.1:0")
            .env("MILENA_REGISTRY", "127.0.0.1:0")
            .env("MILENA_REST", "127.0.0.1:0")
            .env("MILENA_OUTPUT", "json");
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().context("cannot start the server")?;
        let out = child.stdout.take().context("the server's stdout is piped")?;
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        let Ok(ready) = serde_json::from_str::<serde_json::Value>(&line) else {
            let _ = child.kill();
            let status = child.wait()?;
            bail!("the server did not become ready ({status}): {line:?}");
        };
        let field = |name: &str| ready[name].as_str().unwrap_or_default().to_string();
        Ok(Self { kafka: field("kafka"), child, ready: ready.clone() })
    }

    /// How it ended, when somebody else has asked it to stop.
    pub(crate) fn wait(mut self) -> Result<std::process::ExitStatus> {
        Ok(self.child.wait()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server on a fresh directory of the lane called `name`.
pub(crate) fn fresh(ground: &crate::lane::Ground, name: &str, extra: &[&str]) -> Result<Server> {
    let data = crate::lane::room(ground, "data")?.join(name);
    if data.exists() {
        std::fs::remove_dir_all(&data)?;
    }
    Server::start(&ground.milena, &data, extra)
}
