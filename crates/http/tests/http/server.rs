//! A door of this build on a free port, and the least of an HTTP client.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
};

use milena_http::{Door, DoorOptions, Origins, Surface, listen};
use milena_node::{Node, NodeOptions, Recovery, Sockets};
use milena_store::{Memory, memory::Options};
use serde_json::Value;

pub(crate) struct Server {
    address: SocketAddr,
    node: Node,
    /// Ends the listener's thread when it is dropped.
    _stop: tokio::sync::oneshot::Sender<()>,
}

/// What came back.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }
    /// The status, and the code of the envelope.
    pub(crate) fn code(&self) -> (u16, i64) {
        (self.status, self.json()["error_code"].as_i64().unwrap_or_else(|| panic!("no envelope: {:?}", self.body)))
    }
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let named = self.headers.lines().filter_map(|line| line.split_once(": "));
        named.filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }
}

impl Server {
    /// The path of the cluster in the third version of the REST proxy.
    pub(crate) fn cluster(&self) -> String {
        let clusters = self.get("/v3/clusters").json();
        format!("/v3/clusters/{}", clusters["data"][0]["cluster_id"].as_str().expect("an id"))
    }

    pub(crate) fn start(surface: Surface) -> Self {
        Self::with(surface, &[])
    }

    pub(crate) fn with(surface: Surface, settings: &[(&str, &str)]) -> Self {
        let settings = settings.iter().map(|(name, value)| ((*name).to_string(), Some((*value).to_string()))).collect();
        let options = NodeOptions { runtimes: 1, settings, ..NodeOptions::default() };
        let store = Arc::new(Memory::new(Options::default()));
        let node = Node::start(store, Recovery::new(), options).expect("a node starts");
        let options =
            DoorOptions { version: "0.0.0", data: "memory".into(), origins: Origins::of(None), sockets: Sockets::new(64) };
        let door = Door::new(node.clone(), options);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a socket");
        let address = listener.local_addr().expect("bound");
        let (stop, stopped) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a socket");
                tokio::select! {
                    () = listen(door, listener, surface) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { address, node, _stop: stop }
    }

    pub(crate) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nHost: milena\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
        headers.iter().for_each(|(name, value)| request.push_str(&format!("{name}: {value}\r\n")));
        request.push_str("\r\n");
        let mut stream = TcpStream::connect(self.address).expect("it listens");
        // The server may refuse before it has read everything.
        let _ = stream.write_all(request.as_bytes()).and_then(|()| stream.write_all(body));
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        let text = String::from_utf8(bytes).expect("text");
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{method} {path}: no answer: {text:?}"));
        let status = head.get(9..12).and_then(|s| s.parse().ok()).expect("a status");
        Reply { status, headers: head.to_string(), body: body.to_string() }
    }

    /// A request whose answer nobody has read yet.
    pub(crate) fn open(&self, method: &str, path: &str, body: &Value) -> TcpStream {
        let body = body.to_string();
        let mut stream = TcpStream::connect(self.address).expect("it listens");
        let head = format!("{method} {path} HTTP/1.1\r\nHost: milena\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all((head + &body).as_bytes()).expect("it reads");
        stream
    }

    /// A bare connection that takes answers into a buffer of this size; 0: as large as the system has it.
    pub(crate) fn connect(&self, buffer: usize) -> TcpStream {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
        if buffer > 0 {
            socket.set_recv_buffer_size(buffer).expect("a size");
        }
        socket.connect(&self.address.into()).expect("it listens");
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(std::time::Duration::from_secs(20))).expect("a socket");
        stream
    }
    /// Bytes that requests and answers of all connections hold.
    pub(crate) fn held(&self) -> u64 {
        self.node.counters().http_held.get()
    }
    /// Connections that were closed because they held what others needed.
    pub(crate) fn crowded_out(&self) -> u64 {
        self.node.counters().crowded_out.get()
    }
    /// Commits of the store so far.
    pub(crate) fn commits(&self) -> u64 {
        self.node.gauges().commits
    }
    /// The number of the newest fetch of a consumer instance, once it has begun.
    pub(crate) fn turn(&self, group: &str, name: &str, after: u64) -> u64 {
        use milena_node::engine::instance::InstanceKey;
        let key = InstanceKey { group: group.into(), name: name.into() };
        for _ in 0..2000 {
            let (node, key, (sender, receiver)) = (self.node.clone(), key.clone(), std::sync::mpsc::channel());
            self.node.runtimes().spawn_on_least_loaded(move || async move {
                let turn = node.ask_instances(|all| all.get(&key).map(|instance| instance.turn)).await;
                let _ = sender.send(turn.ok().flatten());
            });
            match receiver.recv().expect("an answer") {
                Some(turn) if turn > after => return turn,
                _ => std::thread::sleep(std::time::Duration::from_millis(10)),
            }
        }
        panic!("no fetch of {group}/{name} has begun")
    }
    /// DeleteRecords on the first partition.
    pub(crate) fn trim(&self, topic: &str, to: i64) {
        let topic = self.node.topic(topic).expect("a topic");
        let partition = topic.partition(0).expect("a partition").clone();
        let (node, (sender, receiver)) = (self.node.clone(), std::sync::mpsc::channel());
        self.node.runtimes().spawn_on_least_loaded(move || async move {
            let told = node.delete_records(&topic, &partition, to).await;
            let _ = sender.send(told.is_ok_and(|told| told.is_ok()));
        });
        assert!(receiver.recv().expect("an answer"), "records are deleted");
    }

    /// Opens a stream of server-sent events.
    pub(crate) fn events(&self, path: &str) -> Events {
        let mut stream = TcpStream::connect(self.address).expect("it listens");
        stream.set_read_timeout(Some(std::time::Duration::from_secs(20))).expect("a socket");
        // HTTP/1.0 is answered without chunks.
        stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: x\r\n\r\n").as_bytes()).expect("it reads");
        let mut events = Events(std::io::BufReader::new(stream));
        assert!(events.line().contains(" 200 "), "{path}");
        while !events.line().trim().is_empty() {}
        events
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], b"")
    }
    pub(crate) fn delete(&self, path: &str) -> Reply {
        self.send("DELETE", path, &[], b"")
    }
    pub(crate) fn post(&self, path: &str, body: &Value) -> Reply {
        self.send("POST", path, &[], body.to_string().as_bytes())
    }
    pub(crate) fn put(&self, path: &str, body: &Value) -> Reply {
        self.send("PUT", path, &[], body.to_string().as_bytes())
    }
    /// As clients of release 7.4 and later ask.
    pub(crate) fn new_form(&self, method: &str, path: &str, body: &Value) -> Reply {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(method, path, &[("Confluent-Accept-Unknown-Properties", "true")], body.as_bytes())
    }
}

/// Events as they come.
pub(crate) struct Events(std::io::BufReader<TcpStream>);

impl Events {
    fn line(&mut self) -> String {
        let mut line = String::new();
        std::io::BufRead::read_line(&mut self.0, &mut line).expect("a line within its time");
        line
    }

    /// The next event: its name, and its data.
    pub(crate) fn next(&mut self) -> (String, Value) {
        loop {
            let line = self.line();
            assert!(!line.is_empty(), "the stream has ended");
            if let Some(name) = line.strip_prefix("event: ") {
                let data = self.line();
                let data = data.strip_prefix("data: ").expect("data after the name of an event");
                return (name.trim().to_owned(), serde_json::from_str(data).expect("JSON"));
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.node.stop();
    }
}
