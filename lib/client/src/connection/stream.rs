//! The two ends of a socket, in the clear or through TLS.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use bytes::BytesMut;
use rustls::pki_types::CertificateDer;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf, ReadHalf, WriteHalf},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};
use tokio_rustls::client::TlsStream;

/// What was agreed with the other side's TLS.
#[derive(Clone, Debug)]
pub struct Secured {
    /// Such as `TLSv1_3`.
    pub version: String,
    pub cipher: String,
    /// The other side's chain, its own certificate first.
    pub chain: Arc<[CertificateDer<'static>]>,
}

impl Secured {
    pub(super) fn of(stream: &TlsStream<TcpStream>) -> Self {
        let (_, session) = stream.get_ref();
        let words = |what: Option<String>| what.unwrap_or_else(|| "unknown".into());
        Self {
            version: words(session.protocol_version().map(|v| format!("{v:?}"))),
            cipher: words(session.negotiated_cipher_suite().map(|s| format!("{:?}", s.suite()))),
            chain: session.peer_certificates().unwrap_or_default().to_vec().into(),
        }
    }
}

pub(super) enum Stream {
    Clear(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    pub(super) fn split(self) -> (ReadEnd, WriteEnd) {
        match self {
            Self::Clear(stream) => {
                let (read, write) = stream.into_split();
                (ReadEnd::Clear(read), WriteEnd::Clear(write))
            }
            Self::Tls(stream) => {
                let (read, write) = tokio::io::split(*stream);
                (ReadEnd::Tls(read), WriteEnd::Tls(write))
            }
        }
    }
}

pub(super) enum ReadEnd {
    Clear(OwnedReadHalf),
    Tls(ReadHalf<TlsStream<TcpStream>>),
}

impl ReadEnd {
    /// Reads what is there without waiting; `WouldBlock` when that is nothing.
    pub(super) fn try_read_buf(&mut self, buffer: &mut BytesMut) -> io::Result<usize> {
        match self {
            Self::Clear(read) => read.try_read_buf(buffer),
            Self::Tls(read) => {
                let mut bytes = [0; 4096];
                let mut into = ReadBuf::new(&mut bytes);
                // Whoever waits next asks anew, so that nobody is woken by this look is no loss.
                match Pin::new(read).poll_read(&mut Context::from_waker(Waker::noop()), &mut into) {
                    Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
                    Poll::Ready(outcome) => outcome.map(|()| {
                        buffer.extend_from_slice(into.filled());
                        into.filled().len()
                    }),
                }
            }
        }
    }
}

impl AsyncRead for ReadEnd {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(read) => Pin::new(read).poll_read(cx, buf),
            Self::Tls(read) => Pin::new(read).poll_read(cx, buf),
        }
    }
}

pub(super) enum WriteEnd {
    Clear(OwnedWriteHalf),
    Tls(WriteHalf<TlsStream<TcpStream>>),
}

impl AsyncWrite for WriteEnd {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Clear(write) => Pin::new(write).poll_write(cx, buf),
            Self::Tls(write) => Pin::new(write).poll_write(cx, buf),
        }
    }
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(write) => Pin::new(write).poll_flush(cx),
            Self::Tls(write) => Pin::new(write).poll_flush(cx),
        }
    }
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(write) => Pin::new(write).poll_shutdown(cx),
            Self::Tls(write) => Pin::new(write).poll_shutdown(cx),
        }
    }
}
