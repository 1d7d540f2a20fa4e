//! A node in memory, and clients that speak to it over an in-memory stream.

use std::{path::Path, sync::Arc, time::Duration};

use bytes::{BufMut, Bytes, BytesMut};
use milena_kafka::{Door, DoorOptions, Ends, serve_connection};
use milena_node::{Node, NodeOptions, Recovery};
use milena_store::{Memory, Store, local};
use milena_wire::{Message, Reader, Request, Text, frame};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    runtime::Runtime,
    time::timeout,
};

/// Longer than anything here takes, shorter than anybody's patience.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A broker in memory.
pub(crate) struct World {
    pub(crate) door: Arc<Door>,
    pub(crate) runtime: Runtime,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    /// A broker with these settings.
    pub(crate) fn with(settings: &[(&str, &str)]) -> Self {
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned()))).collect();
        Self::over(Arc::new(Memory::new(Default::default())), Recovery::new(), settings)
    }

    /// A broker on the disk, with a small log and little memory: most of what it reads lies in files.
    pub(crate) fn on_disk(path: &Path) -> Self {
        let options = local::Options { log_max: 4 << 20, memory: 8 << 20, reserve: 0, ..local::Options::default() };
        let mut recovery = Recovery::new();
        let disk = Arc::new(milena_store::disk::RealDisk::open(path).unwrap());
        let (store, _) = local::Local::open(disk, options, &mut recovery).unwrap();
        Self::over(Arc::new(store), recovery, Vec::new())
    }

    fn over(store: Arc<dyn Store>, recovery: Recovery, settings: Vec<(String, Option<String>)>) -> Self {
        let options = NodeOptions { settings, runtimes: 1, ..NodeOptions::default() };
        let node = Node::start(store, recovery, options).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { door: Door::new(node, DoorOptions::default()), runtime }
    }

    pub(crate) fn node(&self) -> &Node {
        self.door.node()
    }

    /// A new connection, served on the node's own thread.
    pub(crate) fn connect(&self) -> Client<'_> {
        self.connect_by(1 << 20)
    }

    /// A new connection whose socket holds so many bytes each way.
    pub(crate) fn connect_by(&self, bytes: usize) -> Client<'_> {
        let (near, far) = tokio::io::duplex(bytes);
        let door = self.door.clone();
        let ends = Ends { remote: "127.0.0.1:50000".parse().unwrap(), local: "127.0.0.1:9092".parse().unwrap() };
        self.node().runtimes().spawn_on_least_loaded(move || serve_connection(far, ends, door));
        Client { world: self, stream: near, correlation: 0 }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // While a test fails, its own words are what counts.
        if !std::thread::panicking() {
            self.door.node().stop().unwrap();
        }
    }
}

/// One connection, seen from the client.
pub(crate) struct Client<'w> {
    world: &'w World,
    pub(crate) stream: DuplexStream,
    correlation: i32,
}

impl Client<'_> {
    /// Asks in a version, and reads the answer.
    pub(crate) fn ask<Q: Request>(&mut self, version: i16, request: &Q) -> Q::Response {
        let correlation = self.send(version, request);
        self.answer::<Q>(version, correlation)
    }

    /// Sends a request without waiting for its answer.
    pub(crate) fn send<Q: Request>(&mut self, version: i16, request: &Q) -> i32 {
        self.correlation += 1;
        let mut out = BytesMut::new();
        let client_id = Text::from_static("a-test");
        frame::request(&mut out, version, self.correlation, Some(&client_id), request).unwrap();
        self.send_bytes(&out);
        self.correlation
    }

    /// The answer to a request that was sent.
    pub(crate) fn answer<Q: Request>(&mut self, version: i16, correlation: i32) -> Q::Response {
        let frame = self.receive().unwrap_or_else(|| panic!("{} version {version} is answered", Q::NAME));
        let (header, mut body) = frame::open_response(frame, Q::KEY, version).unwrap();
        assert_eq!(header.correlation_id, correlation, "answers come in the order of the requests");
        let response = Q::Response::decode(&mut body, version).unwrap();
        assert_eq!(body.remaining(), 0, "nothing stands behind the answer");
        response
    }

    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        let written = self.world.runtime.block_on(async { timeout(PATIENCE, self.stream.write_all(bytes)).await });
        // A connection that was closed meanwhile takes nothing; what it answered is looked at by the caller.
        let _ = written.expect("the connection takes what it is sent");
    }

    /// A frame around `body`.
    pub(crate) fn send_frame(&mut self, body: &[u8]) {
        let mut out = BytesMut::new();
        out.put_i32(i32::try_from(body.len()).unwrap());
        out.put_slice(body);
        self.send_bytes(&out);
    }

    /// The next frame; `None` when the connection was closed.
    pub(crate) fn receive(&mut self) -> Option<Bytes> {
        let stream = &mut self.stream;
        let read = async {
            let length = stream.read_i32().await.ok()?;
            let mut frame = vec![0; usize::try_from(length).unwrap()];
            stream.read_exact(&mut frame).await.ok()?;
            Some(Bytes::from(frame))
        };
        self.world.runtime.block_on(async { timeout(PATIENCE, read).await }).expect("an answer or an end in time")
    }

    /// Takes what is there, some of it.
    pub(crate) fn take(&mut self, into: &mut [u8]) -> usize {
        let read = self.world.runtime.block_on(async { timeout(PATIENCE, self.stream.read(into)).await });
        read.expect("bytes or an end in time").unwrap_or(0)
    }

    /// Whether the other side has ended the connection without a word.
    pub(crate) fn is_closed(&mut self) -> bool {
        let mut byte = [0];
        let read = self.world.runtime.block_on(async { timeout(PATIENCE, self.stream.read(&mut byte)).await });
        matches!(read.expect("an answer or an end in time"), Ok(0) | Err(_))
    }
}

/// A body as it stands in a frame, behind a header.
pub(crate) fn framed(key: i16, version: i16, body: &[u8]) -> Vec<u8> {
    let mut out = BytesMut::new();
    out.put_i16(key);
    out.put_i16(version);
    out.put_i32(7);
    out.put_i16(-1);
    if milena_wire::api(key).is_some_and(|api| api.is_flexible(version)) {
        out.put_u8(0);
    }
    out.put_slice(body);
    out.to_vec()
}

/// The body of a request.
pub(crate) fn body<Q: Message>(request: &Q, version: i16) -> BytesMut {
    let mut out = BytesMut::new();
    request.encode(&mut out, version).unwrap();
    out
}

/// What stands behind the header of an answer.
pub(crate) fn opened<Q: Request>(frame: Bytes, version: i16) -> Reader {
    frame::open_response(frame, Q::KEY, version).unwrap().1
}
