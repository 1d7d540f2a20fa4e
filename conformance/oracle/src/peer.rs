//! One broker in a conversation: a connection, what it has said, and the names of what is its own.

use std::{
    collections::{BTreeMap, HashMap},
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use bytes::{Bytes, BytesMut};
use milena_wire::{CreateTopicsRequest, Message, Request, Text, create_topics::CreatableTopic, frame};
use uuid::Uuid;

use crate::said;

pub(crate) struct Peer {
    address: String,
    stream: TcpStream,
    /// By step.
    pub(crate) said: BTreeMap<String, String>,
    /// Values that only this peer uses, and what to call them.
    names: Vec<(String, String)>,
    topics: HashMap<String, Uuid>,
    correlation: i32,
}

impl Peer {
    pub(crate) fn connect(address: &str) -> Result<Self> {
        let stream = open(address)?;
        Ok(Self {
            address: address.into(),
            stream,
            said: BTreeMap::new(),
            names: Vec::new(),
            topics: HashMap::new(),
            correlation: 0,
        })
    }

    /// The same broker on another connection, with a memory of its own.
    pub(crate) fn apart(&self) -> Result<Self> {
        Self::connect(&self.address)
    }

    /// Asks, remembers the answer under `step`, and gives it. A connection that closes is an answer too.
    pub(crate) fn ask<R: Request>(&mut self, step: &str, version: i16, request: &R) -> Result<Option<R::Response>> {
        let answer = self.talk(version, request);
        let text = match &answer {
            Ok(answer) => self.called(&said::flat(&format!("{answer:#?}"))),
            Err(error) => {
                self.stream = open(&self.address)?;
                format!(
                    "answer: {}",
                    if error.to_string().contains("cannot be read") { error.to_string() } else { "closed".into() }
                )
            }
        };
        self.said.insert(step.to_string(), text);
        Ok(answer.ok())
    }

    /// Asks without remembering: to set the scene.
    pub(crate) fn talk<R: Request>(&mut self, version: i16, request: &R) -> Result<R::Response> {
        self.correlation += 1;
        let mut out = BytesMut::new();
        frame::request(&mut out, version, self.correlation, Some(&Text::from("oracle")), request)?;
        self.stream.write_all(&out)?;
        let mut length = [0; 4];
        self.stream.read_exact(&mut length).with_context(|| format!("closed: {} v{version}", R::NAME))?;
        let length = u32::from_be_bytes(length) as usize;
        if length > 100 << 20 {
            bail!("an answer of {length} bytes");
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).context("closed")?;
        let (_, mut reader) = frame::open_response(Bytes::from(body), R::KEY, version)?;
        R::Response::decode(&mut reader, version).map_err(|e| anyhow::anyhow!("the answer cannot be read: {e}"))
    }

    /// `value` is this peer's own; both peers' are compared under `name`.
    pub(crate) fn call(&mut self, value: impl ToString, name: &str) {
        let value = value.to_string();
        if !value.is_empty() && value != "0" && value != "-1" {
            self.names.push((value, name.to_string()));
        }
    }

    fn called(&self, text: &str) -> String {
        self.names.iter().fold(text.to_string(), |text, (value, name)| text.replace(value.as_str(), name))
    }

    /// A topic with these configs, and its id.
    pub(crate) fn topic(&mut self, name: &str, partitions: i32, configs: &[(&str, &str)]) -> Result<Uuid> {
        let config = |(name, value): &(&str, &str)| milena_wire::create_topics::CreatableTopicConfig {
            name: (*name).into(),
            value: Some((*value).into()),
            ..Default::default()
        };
        let configs = configs.iter().map(config).collect();
        let topic = CreatableTopic {
            name: name.into(),
            num_partitions: partitions,
            replication_factor: 1,
            configs,
            ..Default::default()
        };
        let answer = self.talk(7, &CreateTopicsRequest { topics: vec![topic], timeout_ms: 30_000, ..Default::default() })?;
        let id = answer.topics.first().context("an answer for the topic")?.topic_id;
        self.call(id, &format!("ID-OF-{name}"));
        self.topics.insert(name.into(), id);
        // Apache Kafka answers before its own metadata shows the topic.
        std::thread::sleep(Duration::from_millis(150));
        Ok(id)
    }
}

fn open(address: &str) -> Result<TcpStream> {
    let stream = TcpStream::connect(address).with_context(|| format!("cannot connect to {address}"))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    Ok(stream)
}
