//! A socket whose peer has to take what it is sent. A write that comes no further for [`STILL`] ends the connection, and with it
//! everything that was held for the answer: bytes, messages that a stream had out, the socket. Who has much to take while others
//! find no room has less time ([`PATIENCE`]). Reads wait as long as they like; whoever has nothing to write is never looked at.
//!
//! Not `tokio-io-timeout`, which does the first half: it goes by the socket's being ready for more, and the kernel says so only
//! when a third of its buffer, megabytes, is free. A slow reader would be closed while it reads.

use std::{
    error::Error,
    io::{self, ErrorKind, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep},
};

use crate::memory::{FLOOR, Memory, PATIENCE};

/// Time in which a peer must take some of what it is sent.
pub(crate) const STILL: Duration = Duration::from_secs(60);

/// Why a connection was given up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Left {
    #[error("the peer took nothing of its answer for {} seconds", STILL.as_secs())]
    Still,
    #[error("others needed the memory that its answer held, and it took nothing of it (queued.max.request.bytes)")]
    InTheWay,
}

impl Left {
    /// Whether that was it.
    pub(crate) fn of(error: &hyper::Error) -> Option<Self> {
        error.source()?.downcast_ref::<io::Error>()?.get_ref()?.downcast_ref().copied()
    }
}

/// A socket, and since when its peer takes nothing.
pub(crate) struct Socket {
    stream: TcpStream,
    memory: Arc<Memory>,
    limits: Limits,
    pause: Option<Pause>,
}

/// How long is too long.
#[derive(Clone, Copy, Debug)]
struct Limits {
    still: Duration,
    in_the_way: Duration,
}

/// A write that waits.
struct Pause {
    begun: Instant,
    /// Who had found no room by then.
    wanted: u64,
    /// When it is looked at next.
    look: Pin<Box<Sleep>>,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream, memory: Arc<Memory>) -> Self {
        Self::with(stream, memory, Limits { still: STILL, in_the_way: PATIENCE })
    }

    fn with(stream: TcpStream, memory: Arc<Memory>, limits: Limits) -> Self {
        Self { stream, memory, limits, pause: None }
    }

    /// Waits on with a write that cannot go on, but not for ever.
    fn wait(&mut self, cx: &mut Context<'_>, pieces: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let (limits, memory) = (self.limits, &self.memory);
        let pause = self.pause.get_or_insert_with(|| Pause {
            begun: Instant::now(),
            wanted: memory.wanted(),
            look: Box::pin(sleep(limits.in_the_way)),
        });
        loop {
            ready!(pause.look.as_mut().poll(cx));
            // The kernel may have room long before it wakes anybody for it.
            match SockRef::from(&self.stream).send_vectored(pieces) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                sent => {
                    self.pause = None;
                    return Poll::Ready(sent);
                }
            }
            let much = pieces.iter().map(|piece| piece.len()).sum::<usize>() > FLOOR;
            if much && memory.wanted() != pause.wanted {
                memory.crowd_out();
                return Poll::Ready(Err(io::Error::new(ErrorKind::TimedOut, Left::InTheWay)));
            }
            if pause.begun.elapsed() >= limits.still {
                return Poll::Ready(Err(io::Error::new(ErrorKind::TimedOut, Left::Still)));
            }
            pause.look.as_mut().reset(Instant::now() + limits.in_the_way);
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, pieces: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write_vectored(cx, pieces) {
            Poll::Pending => self.wait(cx, pieces),
            written => {
                self.pause = None;
                written
            }
        }
    }

    /// Also what makes hyper keep an answer in one piece, and not copy it.
    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpSocket},
        task::JoinHandle,
    };

    use super::*;
    use crate::memory::tests::memory;

    const LIMITS: Limits = Limits { still: Duration::from_secs(2), in_the_way: Duration::from_millis(100) };
    /// More than the kernel takes for a peer that reads nothing.
    const MUCH: usize = 24 << 20;

    fn run(test: impl Future<Output = ()>) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(test);
    }

    /// A task that writes much to a peer with a small buffer, and that peer.
    async fn pair(memory: &Arc<Memory>, bytes: usize) -> (JoinHandle<io::Result<()>>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4096).expect("a size");
        let peer = socket.connect(listener.local_addr().expect("bound")).await.expect("it listens");
        let (stream, _) = listener.accept().await.expect("a peer");
        SockRef::from(&stream).set_send_buffer_size(1 << 20).expect("a size");
        let mut socket = Socket::with(stream, memory.clone(), LIMITS);
        let task = tokio::spawn(async move {
            socket.write_all(&vec![1; bytes]).await?;
            std::future::pending::<()>().await;
            drop(socket);
            Ok(())
        });
        (task, peer)
    }

    async fn ended(task: JoinHandle<io::Result<()>>) -> Option<ErrorKind> {
        let ended = tokio::time::timeout(Duration::from_secs(20), task).await.expect("it ends by itself");
        ended.expect("no panic").err().map(|error| error.kind())
    }

    #[test]
    fn whoever_takes_nothing_is_left() {
        run(async {
            let (task, _peer) = pair(&memory(1 << 30), MUCH).await;
            let begun = Instant::now();
            assert_eq!(ended(task).await, Some(ErrorKind::TimedOut));
            assert!(begun.elapsed() >= LIMITS.still);
        });
    }

    #[test]
    fn whoever_takes_nothing_that_others_need_is_left_sooner() {
        run(async {
            let memory = memory(1 << 20);
            let (task, _peer) = pair(&memory, MUCH).await;
            let (mut most, begun) = (memory.loan(), Instant::now());
            most.hold(1 << 20).expect("there is room");
            while !task.is_finished() {
                assert!(memory.loan().hold(1 << 20).is_err());
                tokio::time::sleep(LIMITS.in_the_way / 4).await;
            }
            assert_eq!(ended(task).await, Some(ErrorKind::TimedOut));
            assert!(begun.elapsed() < LIMITS.still, "{:?}", begun.elapsed());
        });
    }

    /// So slowly that the kernel never says of the socket that it is ready for more.
    #[test]
    fn a_slow_reader_stays_and_so_does_one_that_has_nothing_to_read() {
        run(async {
            let memory = memory(1 << 30);
            let (slow, mut peer) = pair(&memory, MUCH).await;
            let (idle, _idle) = pair(&memory, 1000).await;
            let begun = Instant::now();
            let mut piece = vec![0; 8 << 10];
            while begun.elapsed() < LIMITS.still * 5 / 2 {
                peer.read_exact(&mut piece).await.expect("it goes on");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            assert!(!slow.is_finished() && !idle.is_finished());
        });
    }
}
