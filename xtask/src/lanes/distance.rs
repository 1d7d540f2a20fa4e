//! A little distance between a client and a broker on one machine: answers take a few milliseconds, as over a real network.
//!
//! kafka-python 3.0.12 loses a subscription that is made while the answer to its first metadata request is being read (it then looks
//! again after five minutes). A broker that answers in a third of a millisecond meets that moment in one of fifteen consumers;
//! behind a network, or beside a slower broker, the subscription always comes first.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use anyhow::Result;

/// What an answer takes longer.
const DELAY: Duration = Duration::from_millis(4);

/// A port whose connections go on to another one, from afar.
pub(crate) struct Distance {
    listener: TcpListener,
}

impl Distance {
    pub(crate) fn open() -> Result<Self> {
        Ok(Self { listener: TcpListener::bind("127.0.0.1:0")? })
    }

    pub(crate) fn address(&self) -> Result<SocketAddr> {
        Ok(self.listener.local_addr()?)
    }

    /// Passes every connection on to `to`, until the process ends.
    pub(crate) fn lead_to(self, to: SocketAddr) {
        thread::spawn(move || {
            for near in self.listener.incoming().flatten() {
                // A server that has stopped closes its side, and with it ours.
                let Ok(far) = TcpStream::connect(to) else { continue };
                if let (Ok(near_too), Ok(far_too)) = (near.try_clone(), far.try_clone()) {
                    thread::spawn(move || carry(near, far, Duration::ZERO));
                    thread::spawn(move || carry(far_too, near_too, DELAY));
                }
            }
        });
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, delay: Duration) {
    let mut bytes = vec![0; 64 * 1024];
    let _ = to.set_nodelay(true);
    while let Ok(n) = from.read(&mut bytes) {
        thread::sleep(delay);
        if n == 0 || to.write_all(&bytes[..n]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Write);
}
