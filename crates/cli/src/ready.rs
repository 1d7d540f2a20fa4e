//! The moment a server is ready, told twice: to a person as a banner, to a script as one line of JSON.

use std::{fmt::Write, path::PathBuf, time::Duration};

use milena_node::{
    Node, Recovered,
    engine::settings::{Overrides, topic::TopicSettings},
};
use serde_json::json;

use crate::{screen::size, when};

pub(crate) struct Ready {
    pub(crate) kafka: String,
    pub(crate) http: Option<String>,
    pub(crate) registry: Option<String>,
    pub(crate) rest: Option<String>,
    pub(crate) data: Option<PathBuf>,
    pub(crate) advertise: String,
    pub(crate) recovered: Recovered,
    pub(crate) took: Duration,
    /// What topics without settings of their own keep.
    pub(crate) keeps: Keeps,
    /// Only of a server for tests.
    pub(crate) control: Option<Control>,
}

/// How tests ask for faults.
pub(crate) struct Control {
    pub(crate) url: String,
    pub(crate) token: String,
}

/// Retention as it is in force.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Keeps {
    millis: Option<i64>,
    bytes: Option<u64>,
}

impl Keeps {
    pub(crate) fn of(node: &Node) -> Self {
        let topics = TopicSettings::resolve(&Overrides::new(), &node.config());
        if !topics.cleanup.delete {
            return Self::default();
        }
        Self { millis: topics.retention_ms, bytes: topics.retention_bytes }
    }

    fn words(self) -> String {
        let age = self.millis.map_or("forever".into(), when::span);
        match self.bytes {
            Some(bytes) => format!("{age}, at most {} a partition", size(bytes)),
            None => age,
        }
    }
}

impl Ready {
    pub(crate) fn line(&self) -> String {
        let recovered = &self.recovered;
        let mut line = json!({
            "ready": true,
            "version": env!("CARGO_PKG_VERSION"),
            "pid": std::process::id(),
            "kafka": self.kafka,
            "http": self.http,
            "registry": self.registry,
            "rest": self.rest,
            "data": self.data.as_ref().map(|d| d.display().to_string()),
            "recovered": {
                "clean": recovered.clean,
                "facts": recovered.facts,
                "batches": recovered.payloads,
                "bytes": recovered.bytes,
                "cut": recovered.cut,
                "damage": recovered.damage.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "micros": recovered.micros,
            },
        });
        if let Some(Control { url, token }) = &self.control {
            line["ephemeral"] = json!({ "control": url, "token": token });
        }
        format!("{line}\n")
    }

    /// What a service manager shows.
    pub(crate) fn status(&self) -> String {
        format!("Kafka at {}, HTTP at {}", self.kafka, self.http.as_deref().unwrap_or("none"))
    }

    pub(crate) fn banner(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(out, "milena {} - ready in {} ms", env!("CARGO_PKG_VERSION"), self.took.as_millis());
        let told = if self.advertise == "auto" {
            "told to other machines: the address they dial (advertise = auto)".to_string()
        } else {
            format!("told to clients: {}", self.advertise)
        };
        let _ = writeln!(out, "  Kafka     {:<24}{told}", local(&self.kafka));
        if let Some(http) = &self.http {
            let _ = writeln!(out, "  HTTP      http://{:<17}/metrics /healthz /admin/v1/status", local(http));
        }
        if let Some(registry) = &self.registry {
            let _ = writeln!(
                out,
                "  Schemas   http://{:<17}Avro, JSON Schema, Protobuf, as Confluent's clients ask for them",
                local(registry)
            );
        }
        if let Some(rest) = &self.rest {
            let _ = writeln!(out, "  REST      http://{:<17}/topics /consumers /v3/clusters", local(rest));
        }
        let data = self.data.as_ref().map_or("memory".into(), |d| d.display().to_string());
        let durable = match (&self.control, &self.data) {
            (None, Some(_)) => "every write is flushed to disk before it is acknowledged",
            _ => "nothing outlives this process",
        };
        let _ = writeln!(out, "  Data      {data:<24}{durable}");
        let _ = writeln!(out, "  Keep      {}, warn when the disk is 80 % full", self.keeps.words());
        out.push_str(&self.recovery());
        let _ = writeln!(out, "  Next:     milena produce hello \"my first message\"    ·    Ctrl-C stops, nothing is lost");
        out
    }

    fn recovery(&self) -> String {
        let r = &self.recovered;
        let mut out = String::new();
        if !r.clean {
            let torn = if r.cut == 0 {
                "0 torn writes".to_string()
            } else {
                format!("a torn write of {} bytes was cut, it was never acknowledged", r.cut)
            };
            let present = if r.damage.is_empty() { "all acknowledged ones present" } else { "but for the damage below" };
            let _ = writeln!(
                out,
                "  Recovered after an unclean stop: {} batches and {} facts checked, {present}, {torn}",
                r.payloads, r.facts
            );
        }
        for damage in &r.damage {
            let _ = writeln!(out, "  Damage    {damage}");
        }
        out
    }
}

/// What a person types: `localhost` for both loopback families.
fn local(address: &str) -> String {
    address.strip_prefix("127.0.0.1:").map_or_else(|| address.to_string(), |port| format!("localhost:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_said_in_a_persons_units() {
        let words = |millis, bytes| Keeps { millis, bytes }.words();
        assert_eq!(words(None, None), "forever");
        assert_eq!(words(Some(7 * 86_400_000), None), "7 days");
        assert_eq!(words(None, Some(1 << 30)), "forever, at most 1.0 GiB a partition");
        assert_eq!(words(Some(3_600_000), Some(1 << 20)), "60 min, at most 1.0 MiB a partition");
    }
}
