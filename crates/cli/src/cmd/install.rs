//! `milena install`: the systemd unit of a server, printed to be looked at and put in place. Changes nothing by itself.

use std::path::PathBuf;

use clap::Args;

use crate::{failure::Failure, screen};

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// For systemd
    #[arg(long, required = true)]
    systemd: bool,
    /// Print the unit
    #[arg(long, required = true)]
    print_unit: bool,
    /// The program [default: this one]
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Whose it runs as
    #[arg(long, default_value = "milena")]
    user: String,
    /// Name below /var/lib, where the data lie
    #[arg(long, default_value = "milena", value_name = "NAME")]
    state: String,
    /// Address of the Kafka door
    #[arg(long, default_value = "127.0.0.1:9092", value_name = "ADDR")]
    kafka: String,
    /// Address of the HTTP door, or `off`
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDR")]
    http: String,
}

pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    debug_assert!(options.systemd && options.print_unit, "the flags are required");
    let program = match &options.program {
        Some(program) => program.clone(),
        None => std::env::current_exe()?,
    };
    let words = [("--user", &options.user), ("--state", &options.state), ("--kafka", &options.kafka), ("--http", &options.http)];
    for (flag, value) in words {
        if value.is_empty() || value.contains(|c: char| c.is_whitespace() || c.is_control() || "%\"'\\$".contains(c)) {
            return Err(Failure::usage(format!("{flag} {value:?} cannot stand in a unit")));
        }
    }
    let program = program.display().to_string();
    if program.contains(|c: char| c.is_whitespace() || "%\"'\\$".contains(c)) {
        return Err(Failure::usage(format!("the program's path {program:?} cannot stand in a unit"))
            .fix("--program /usr/local/bin/milena"));
    }
    screen::print(&unit(&program, options))
}

fn unit(program: &str, options: &Options) -> String {
    let Options { user, state, kafka, http, .. } = options;
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
