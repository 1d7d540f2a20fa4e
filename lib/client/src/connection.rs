//! One connection to one broker: frames, correlation, versions. Pipelined without a task of its own: whoever waits for an
//! answer reads the socket, and hands out what it reads for the others.

mod dial;
mod frame;
mod login;
mod stream;

use std::{
    collections::HashMap,
    net::{Shutdown, SocketAddr},
    ops::RangeInclusive,
    os::fd::AsFd,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use milena_wire::{ApiVersionsRequest, ApiVersionsResponse, Message, Request, Text, latest_stable};
use tokio::{
    io::AsyncWriteExt,
    sync::{Mutex as AsyncMutex, oneshot},
};

use crate::{
    Endpoint, Error, Principal, Result, Security, Step, Trace,
    trace::{api_name, body_shown},
};
use frame::Inbox;
pub use stream::Secured;
use stream::WriteEnd;

/// How a connection behaves.
#[derive(Clone)]
pub struct Options {
    pub client_id: Text,
    /// For one address; a name with several is tried one after the other.
    pub connect_timeout: Duration,
    /// For one answer. A connection whose peer misses it is given up.
    pub request_timeout: Duration,
    /// Largest answer that is taken.
    pub max_frame: usize,
    /// TLS, and who we are.
    pub security: Security,
    pub trace: Option<Arc<dyn Trace>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            client_id: Text::from_static("milena"),
            connect_timeout: Duration::from_secs(3),
            request_timeout: Duration::from_secs(30),
            max_frame: 128 << 20,
            security: Security::default(),
            trace: None,
        }
    }
}

impl Options {
    /// What a broker may take for one answer, in milliseconds: a little less than we wait, so that its own word comes in time.
    pub(crate) fn timeout_ms(&self) -> i32 {
        (self.request_timeout.as_millis() / 10 * 9).min(i32::MAX as u128) as i32
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("client_id", &self.client_id)
            .field("connect_timeout", &self.connect_timeout)
            .field("request_timeout", &self.request_timeout)
            .field("max_frame", &self.max_frame)
            .field("security", &self.security)
            .finish_non_exhaustive()
    }
}

/// A peer that takes the connection and does not say within this what it speaks is given up: it hangs, or is something else.
const GREETING: Duration = Duration::from_secs(5);

/// A connection that sent nothing for this long is looked at before it is used.
const RESTED: Duration = Duration::from_secs(1);

/// A connection. Clones share it; it closes when the last is dropped, or at the first error.
#[derive(Clone)]
pub struct Connection(Arc<Shared>);

struct Shared {
    endpoint: Endpoint,
    /// Whose it is. Fixed from the first byte on: a change of user is another connection.
    principal: Principal,
    secured: Option<Secured>,
    /// When the login has run out.
    until: OnceLock<Instant>,
    peer: SocketAddr,
    local: Option<SocketAddr>,
    /// The socket once more, to hang up although others may be reading and writing.
    socket: Option<std::net::TcpStream>,
    options: Options,
    versions: OnceLock<ApiVersionsResponse>,
    desk: Mutex<Desk>,
    outbox: AsyncMutex<Outbox>,
    inbox: AsyncMutex<Inbox>,
}

/// Who waits for what, and what is not yet on its way. Correlation and queue share a lock so that requests go out in the
/// order in which they were started.
struct Desk {
    next: i32,
    queue: BytesMut,
    slots: HashMap<i32, Slot>,
    answered: bool,
    closed: Option<Error>,
    /// When something was last sent.
    used: Instant,
}

struct Slot {
    name: &'static str,
    since: Instant,
    answer: oneshot::Sender<Result<Bytes>>,
}

struct Outbox {
    write: WriteEnd,
    /// Taken from the queue; a write that is dropped halfway leaves the rest here.
    sending: BytesMut,
}

impl Connection {
    /// Resolves, connects, makes it secure, asks what the broker speaks, and says who we are: as the options say.
    pub async fn open(endpoint: &Endpoint, options: &Options) -> Result<Self> {
        let connection = Self::open_as_nobody(endpoint, options).await?;
        if let Some(login) = &options.security.login {
            let until = connection.log_in(login).await?;
            until.map(|until| connection.0.until.get_or_init(|| until));
        }
        Ok(connection)
    }

    /// The same without the login: for looking at what a broker offers.
    pub async fn open_as_nobody(endpoint: &Endpoint, options: &Options) -> Result<Self> {
        let stream = dial::dial(endpoint, options).await?;
        // An answer must not wait for a next request to fill a segment.
        let _ = stream.set_nodelay(true);
        let (peer, local) = match (stream.peer_addr(), stream.local_addr()) {
            (Ok(peer), local) => (peer, local.ok()),
            (Err(e), _) => return Err(Error::Connect { endpoint: endpoint.clone(), failure: (&e).into() }),
        };
        let socket = stream.as_fd().try_clone_to_owned().ok().map(Into::into);
        let (stream, secured) = dial::secure(endpoint, stream, options).await?;
        let (read, write) = stream.split();
        let connection = Self(Arc::new(Shared {
            endpoint: endpoint.clone(),
            principal: options.security.principal(),
            secured,
            until: OnceLock::new(),
            peer,
            local,
            socket,
            options: options.clone(),
            versions: OnceLock::new(),
            desk: Mutex::new(Desk {
                next: 1,
                queue: BytesMut::new(),
                slots: HashMap::new(),
                answered: false,
                closed: None,
                used: Instant::now(),
            }),
            outbox: AsyncMutex::new(Outbox { write, sending: BytesMut::new() }),
            inbox: AsyncMutex::new(Inbox::new(read, options.max_frame)),
        }));
        let versions = connection.ask_versions().await?;
        connection.0.versions.get_or_init(|| versions);
        Ok(connection)
    }

    /// ApiVersions in the newest form, and in the broker's own when that is too new for it: such a broker answers
    /// UNSUPPORTED_VERSION in the oldest form, with what it knows (KIP-511).
    async fn ask_versions(&self) -> Result<ApiVersionsResponse> {
        let request = ApiVersionsRequest {
            client_software_name: Text::from_static("milena"),
            client_software_version: Text::from_static(env!("CARGO_PKG_VERSION")),
            ..Default::default()
        };
        let newest = *ApiVersionsRequest::VERSIONS.end();
        let patience = self.0.options.request_timeout.min(GREETING);
        let response = self.start(&request, newest)?.within(patience).answer().await?;
        if response.error_code != 35 {
            Error::check(response.error_code, None, || format!("ApiVersions at {}", self.0.endpoint))?;
            return Ok(response);
        }
        let theirs = response.api_keys.iter().find(|a| a.api_key == ApiVersionsRequest::KEY).map_or(0, |a| a.max_version);
        let response = self.start(&request, theirs.clamp(0, newest - 1))?.within(patience).answer().await?;
        Error::check(response.error_code, None, || format!("ApiVersions at {}", self.0.endpoint))?;
        Ok(response)
    }

    pub fn endpoint(&self) -> &Endpoint {
        &self.0.endpoint
    }
    /// The address that answered.
    pub fn peer(&self) -> SocketAddr {
        self.0.peer
    }
    /// Our own end.
    pub fn local(&self) -> Option<SocketAddr> {
        self.0.local
    }
    /// Whose connection it is.
    pub fn principal(&self) -> &Principal {
        &self.0.principal
    }
    /// What was agreed on with TLS; `None` in the clear.
    pub fn secured(&self) -> Option<&Secured> {
        self.0.secured.as_ref()
    }
    /// What the broker said it speaks.
    pub fn api_versions(&self) -> &ApiVersionsResponse {
        static NOTHING: OnceLock<ApiVersionsResponse> = OnceLock::new();
        self.0.versions.get().unwrap_or_else(|| NOTHING.get_or_init(Default::default))
    }
    /// Why the connection is no use any more, if so.
    pub fn closed(&self) -> Option<Error> {
        self.desk().closed.clone()
    }

    /// Whether it can be used, as far as can be known without waiting. A connection that rested is looked at: brokers close
    /// idle ones, which else would only be noticed by the next request's failure.
    pub fn is_usable(&self) -> bool {
        // A login that has run out would be met by a closed connection at the next request.
        if self.0.until.get().is_some_and(|until| Instant::now() >= *until) {
            return false;
        }
        let rested = {
            let desk = self.desk();
            desk.closed.is_none() && desk.slots.is_empty() && desk.used.elapsed() > RESTED
        };
        if rested
            && let Ok(mut inbox) = self.0.inbox.try_lock()
            && inbox.has_ended()
        {
            self.close(self.lost());
        }
        self.closed().is_none()
    }

    /// The versions of a request that the broker offers.
    pub fn offers(&self, key: i16) -> Option<RangeInclusive<i16>> {
        self.api_versions().api_keys.iter().find(|a| a.api_key == key).map(|a| a.min_version..=a.max_version)
    }

    /// The newest version that both sides know.
    pub fn version<R: Request>(&self) -> Result<i16> {
        self.version_to::<R>(i16::MAX)
    }

    /// The newest version up to `most` that both sides know.
    pub fn version_to<R: Request>(&self, most: i16) -> Result<i16> {
        let ours = (*R::VERSIONS.start(), latest_stable(R::KEY).unwrap_or(*R::VERSIONS.end()).min(most));
        let theirs = self.offers(R::KEY);
        let unsupported = || Error::Unsupported {
            endpoint: self.0.endpoint.clone(),
            request: api_name(R::NAME),
            ours,
            theirs: theirs.clone().map(|r| (*r.start(), *r.end())),
        };
        let range = theirs.clone().ok_or_else(unsupported)?;
        let best = ours.1.min(*range.end());
        if best >= ours.0 && best >= *range.start() { Ok(best) } else { Err(unsupported()) }
    }

    /// Sends in the newest common version and waits for the answer.
    pub async fn send<R: Request>(&self, request: &R) -> Result<R::Response> {
        self.start(request, self.version::<R>()?)?.answer().await
    }

    /// Sends in a given version and waits for the answer.
    pub async fn send_version<R: Request>(&self, request: &R, version: i16) -> Result<R::Response> {
        self.start(request, version)?.answer().await
    }

    /// Queues a request. Requests go out in the order of their start, once any of them is awaited.
    pub fn start<R: Request>(&self, request: &R, version: i16) -> Result<Pending<R>> {
        let (sender, answer) = oneshot::channel();
        let correlation = self.queue(request, version, Some(sender))?;
        Ok(Pending {
            connection: self.clone(),
            correlation,
            version,
            since: Instant::now(),
            within: self.0.options.request_timeout,
            answer,
            kind: std::marker::PhantomData,
        })
    }

    /// Sends a request that has no answer: Produce with acks=0. A peer that does not take it in time is given up.
    pub async fn tell<R: Request>(&self, request: &R, version: i16) -> Result<()> {
        self.queue(request, version, None)?;
        let after = self.0.options.request_timeout;
        tokio::time::timeout(after, self.flush()).await.unwrap_or_else(|_elapsed| {
            let error = Error::TimedOut { endpoint: self.0.endpoint.clone(), request: api_name(R::NAME), after };
            self.close(error.clone());
            Err(error)
        })
    }

    /// Gives the connection up: everybody who waits on it gets `error`.
    pub fn close(&self, error: Error) {
        let slots = {
            let mut desk = self.desk();
            if desk.closed.is_some() {
                return;
            }
            desk.closed = Some(error.clone());
            desk.queue.clear();
            std::mem::take(&mut desk.slots)
        };
        // The other side hears of it now, whoever still holds a clone here.
        self.0.socket.as_ref().map(|socket| socket.shutdown(Shutdown::Both));
        self.trace(&Step::Lost { endpoint: &self.0.endpoint, error: &error });
        for slot in slots.into_values() {
            let error = match &error {
                Error::Closed { endpoint, answered, .. } => {
                    Error::Closed { endpoint: endpoint.clone(), waiting: Some(slot.name), answered: *answered }
                }
                other => other.clone(),
            };
            // Who no longer waits does not miss it.
            let _ = slot.answer.send(Err(error));
        }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.0.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn trace(&self, step: &Step<'_>) {
        if let Some(trace) = &self.0.options.trace {
            trace.step(step);
        }
    }

    fn queue<R: Request>(&self, request: &R, version: i16, answer: Option<oneshot::Sender<Result<Bytes>>>) -> Result<i32> {
        let name = api_name(R::NAME);
        let mut desk = self.desk();
        if let Some(error) = &desk.closed {
            return Err(error.clone());
        }
        let (correlation, start) = (desk.next, desk.queue.len());
        let client_id = Some(&self.0.options.client_id);
        if let Err(source) = milena_wire::frame::request(&mut desk.queue, version, correlation, client_id, request) {
            return Err(Error::Unencodable { request: name, version, source });
        }
        desk.next = desk.next.wrapping_add(1) & i32::MAX;
        desk.used = Instant::now();
        if let Some(answer) = answer {
            desk.slots.insert(correlation, Slot { name, since: Instant::now(), answer });
        }
        let bytes = desk.queue.len() - start;
        drop(desk);
        let body = body_shown(R::KEY, request);
        self.trace(&Step::Request { endpoint: &self.0.endpoint, name, version, correlation, bytes, body });
        Ok(correlation)
    }

    /// Writes what is queued. May be dropped at any await: nothing is lost or doubled.
    async fn flush(&self) -> Result<()> {
        let mut outbox = self.0.outbox.lock().await;
        let Outbox { write, sending } = &mut *outbox;
        loop {
            if sending.is_empty() {
                let mut desk = self.desk();
                if let Some(error) = &desk.closed {
                    return Err(error.clone());
                }
                *sending = desk.queue.split();
            }
            // TLS keeps back what the socket does not take at once, until it is told to flush.
            let (done, wrote) = match sending.is_empty() {
                true => (true, write.flush().await),
                false => (false, write.write_buf(sending).await.map(drop)),
            };
            if let Err(_broken) = wrote {
                let error = self.lost();
                self.close(error.clone());
                return Err(error);
            }
            if done {
                return Ok(());
            }
        }
    }

    /// Reads frames and hands them out until the slot of `correlation` is gone.
    async fn pump(&self, correlation: i32) {
        let mut inbox = self.0.inbox.lock().await;
        while self.desk().slots.contains_key(&correlation) {
            match inbox.frame().await {
                Ok(frame) => self.deliver(frame),
                Err(e) => {
                    let error = self.read_error(e);
                    self.close(error);
                }
            }
        }
    }

    fn deliver(&self, frame: Bytes) {
        let mut desk = self.desk();
        desk.answered = true;
        // The inbox gives no frame of fewer than four bytes.
        let correlation = frame.first_chunk().map_or(0, |c| i32::from_be_bytes(*c));
        match desk.slots.remove(&correlation) {
            Some(slot) => drop(slot.answer.send(Ok(frame))),
            None => {
                drop(desk);
                let guess = "it answered a question that was not asked";
                self.close(Error::NotKafka { endpoint: self.0.endpoint.clone(), guess });
            }
        }
    }

    fn lost(&self) -> Error {
        let desk = self.desk();
        let waiting = desk.slots.values().min_by_key(|s| s.since).map(|s| s.name);
        Error::Closed { endpoint: self.0.endpoint.clone(), waiting, answered: desk.answered }
    }

    fn read_error(&self, error: frame::FrameError) -> Error {
        match error {
            frame::FrameError::Ended => self.lost(),
            frame::FrameError::Length { head } => {
                Error::NotKafka { endpoint: self.0.endpoint.clone(), guess: frame::guess(head, self.desk().answered) }
            }
        }
    }
}

/// A request that was started.
#[must_use = "nothing is sent before the answer is awaited"]
pub struct Pending<R> {
    connection: Connection,
    correlation: i32,
    version: i16,
    since: Instant,
    within: Duration,
    answer: oneshot::Receiver<Result<Bytes>>,
    kind: std::marker::PhantomData<fn() -> R>,
}

impl<R: Request> Pending<R> {
    /// Allows more time: for requests that wait at the broker.
    pub fn within(mut self, timeout: Duration) -> Self {
        self.within = timeout;
        self
    }

    pub fn correlation(&self) -> i32 {
        self.correlation
    }

    /// Sends what is queued and waits. Dropping the future gives up the answer, not the connection.
    pub async fn answer(mut self) -> Result<R::Response> {
        let frame = match tokio::time::timeout(self.within, self.frame()).await {
            Ok(frame) => frame?,
            Err(_elapsed) => {
                let error = Error::TimedOut {
                    endpoint: self.connection.0.endpoint.clone(),
                    request: api_name(R::NAME),
                    after: self.within,
                };
                // Answers come in order: what is behind this one would come too late as well.
                self.connection.close(error.clone());
                return Err(error);
            }
        };
        self.read(frame)
    }

    async fn frame(&mut self) -> Result<Bytes> {
        let connection = self.connection.clone();
        let mut flushed = false;
        loop {
            tokio::select! {
                biased;
                answer = &mut self.answer => return answer.unwrap_or(Err(Error::Gone)),
                done = connection.flush(), if !flushed => {
                    done?;
                    flushed = true;
                }
                () = connection.pump(self.correlation) => {}
            }
        }
    }

    fn read(&self, frame: Bytes) -> Result<R::Response> {
        let shared = &self.connection.0;
        let (name, bytes) = (api_name(R::NAME), frame.len() + 4);
        let malformed = |source| {
            let error = Error::Malformed { endpoint: shared.endpoint.clone(), what: name, source };
            self.connection.close(error.clone());
            error
        };
        let (_, mut reader) = milena_wire::frame::open_response(frame, R::KEY, self.version).map_err(malformed)?;
        let body = reader.clone();
        let response = match R::Response::decode(&mut reader, self.version) {
            Ok(response) => response,
            // A broker that does not know this version of ApiVersions answers in version 0.
            Err(source) if R::KEY == ApiVersionsRequest::KEY && self.version > 0 => {
                R::Response::decode(&mut body.clone(), 0).map_err(|_| malformed(source))?
            }
            Err(source) => return Err(malformed(source)),
        };
        self.connection.trace(&Step::Response {
            endpoint: &shared.endpoint,
            name,
            version: self.version,
            correlation: self.correlation,
            bytes,
            took: self.since.elapsed(),
            body: body_shown(R::KEY, &response),
        });
        Ok(response)
    }
}
