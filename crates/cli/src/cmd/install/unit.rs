//! What shall be there: the systemd unit, and the program with the kind of processor it is for.

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use crate::failure::{Failure, Kind};

/// A server as somebody wants it. Every word has been looked at: none needs quoting in a unit or a shell.
pub(super) struct Wanted {
    /// Where the program shall lie.
    pub(super) program: String,
    /// Which file it is a copy of.
    pub(super) binary: PathBuf,
    /// The kind of processor that it runs on, as `uname -m` says it.
    pub(super) machine: String,
    pub(super) user: String,
    pub(super) state: String,
    pub(super) kafka: String,
    pub(super) http: String,
}

impl Wanted {
    pub(super) fn unit_file(&self) -> String {
        format!("/etc/systemd/system/{}.service", self.state)
    }
}

/// From the head of an ELF file: what `uname -m` says where it runs.
pub(super) fn machine_of(binary: &Path) -> Result<String, Failure> {
    let mut head = [0; 20];
    let read = std::fs::File::open(binary).and_then(|mut f| f.read_exact(&mut head));
    read.map_err(|e| Failure::new(Kind::Failed, format!("the program {} cannot be read", binary.display())).why(e))?;
    machine(&head).ok_or_else(|| {
        Failure::usage(format!("{} is not a program for Linux on x86-64 or ARM64", binary.display())).fix("--binary FILE")
    })
}

fn machine(head: &[u8; 20]) -> Option<String> {
    let name = match (&head[..6], head[18], head[19]) {
        (b"\x7fELF\x02\x01", 62, 0) => "x86_64",
        (b"\x7fELF\x02\x01", 183, 0) => "aarch64",
        _ => return None,
    };
    Some(name.into())
}

pub(super) fn unit(wanted: &Wanted) -> String {
    let Wanted { program, user, state, kafka, http, .. } = wanted;
    format!(
        "[Unit]
Description=Milena, a Kafka broker
Documentation=https://github.com/milena-kafka/milena
After=network-online.target
Wants=network-online.target

[Service]
Type=notify
ExecStart={program} serve --data /var/lib/{state} --kafka {kafka} --http {http}
ExecReload=/bin/kill -HUP $MAINPID
User={user}
StateDirectory={state}
StateDirectoryMode=0750
WorkingDirectory=/var/lib/{state}
LimitNOFILE=65536
WatchdogSec=30
Restart=on-failure
RestartSec=1
TimeoutStopSec=30

NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
CapabilityBoundingSet=
UMask=0027

[Install]
WantedBy=multi-user.target
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_says_what_it_is_for() {
        let head = |class: u8, machine: u8| {
            let mut head = [0; 20];
            head[..6].copy_from_slice(&[0x7f, b'E', b'L', b'F', class, 1]);
            head[18] = machine;
            head
        };
        assert_eq!(machine(&head(2, 62)).as_deref(), Some("x86_64"));
        assert_eq!(machine(&head(2, 183)).as_deref(), Some("aarch64"));
        assert_eq!(machine(&head(1, 62)), None, "a program of 32 bits");
        assert_eq!(machine(&head(2, 40)), None);
        assert_eq!(machine(b"#!/bin/sh\necho hello"), None);
        assert!(machine_of(Path::new("/proc/self/exe")).is_ok());
    }
}
