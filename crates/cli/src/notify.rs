//! What systemd wants to hear (`sd_notify(3)`): ready, reloading, stopping, and that we live. Without its socket nothing is said.

use std::{
    ffi::OsString,
    os::{
        linux::net::SocketAddrExt,
        unix::ffi::OsStrExt,
        unix::net::{SocketAddr, UnixDatagram},
    },
    time::Duration,
};

/// The manager's socket, from the environment.
pub(crate) struct Notify(Option<(UnixDatagram, SocketAddr)>);

impl Notify {
    pub(crate) fn from_environment() -> Self {
        Self(std::env::var_os("NOTIFY_SOCKET").and_then(open))
    }

    /// Says lines of `NAME=VALUE`. A manager that does not listen is no reason to fail.
    pub(crate) fn say(&self, words: &str) {
        if let Some((socket, address)) = &self.0 {
            let _ = socket.send_to_addr(words.as_bytes(), address);
        }
    }

    /// Ready, and what `systemctl status` shows.
    pub(crate) fn ready(&self, status: &str) {
        self.say(&format!("READY=1\nSTATUS={status}"));
    }

    /// A reload begins; the manager measures it by the monotonic clock.
    pub(crate) fn reloading(&self) {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        self.say(&format!("RELOADING=1\nMONOTONIC_USEC={}", now.tv_sec * 1_000_000 + now.tv_nsec / 1000));
    }

    /// How often the manager wants to hear that we live, if it watches: half of its patience.
    pub(crate) fn beat(&self) -> Option<Duration> {
        self.0.as_ref()?;
        let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
        if number("WATCHDOG_PID").is_some_and(|pid| pid != u64::from(std::process::id())) {
            return None;
        }
        number("WATCHDOG_USEC").filter(|usec| *usec > 0).map(|usec| Duration::from_micros(usec / 2))
    }
}

/// A path, or with `@` in front a name in the abstract namespace.
fn open(name: OsString) -> Option<(UnixDatagram, SocketAddr)> {
    let address = match name.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
        [b'/', ..] => SocketAddr::from_pathname(&name),
        _ => return None,
    };
    Some((UnixDatagram::unbound().ok()?, address.ok()?))
}
