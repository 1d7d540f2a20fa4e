//! `milena serve --ephemeral`: the test kit's broker, for tests of any language. Turns the flags into a kit, and decides nothing
//! else.

use std::net::{SocketAddr, TcpListener as StdListener};

use clap::ValueEnum;
use milena_node::Sockets;
use milena_testkit::{Kit, Surface, Trouble};

use super::{Address, Listening, Plan, Serving, Settings, listen::cannot_listen, unstarted};
use crate::{
    failure::{Failure, Kind},
    process::Descriptors,
    ready::{Control, Keeps, Ready},
};

/// Where the data of a server for tests rest.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Place {
    /// In memory
    Memory,
    /// In a temporary directory, removed at the end
    Directory,
}

/// Starts the kit.
pub(super) fn start(plan: &Plan, place: Place, descriptors: &Descriptors) -> Result<(Serving, Settings, Ready), Failure> {
    let kafka = plan.kafka.all();
    let both_families = kafka.len() == 2;
    let sockets = Sockets::new(descriptors.sockets);
    let runtimes = std::thread::available_parallelism().map_or(1, usize::from);
    let web = [
        (Surface::Common, plan.http.as_ref().map_or_else(Vec::new, Address::all)),
        (Surface::Registry, plan.registry.all("registry")),
        (Surface::Rest, plan.rest.all("rest")),
    ];
    let mut setup = Kit::setup()
        .place(match place {
            Place::Memory => milena_testkit::Place::Memory,
            Place::Directory => milena_testkit::Place::Temporary,
        })
        .settings(plan.own_settings())
        .node_id(plan.node_id)
        .threads(runtimes)
        .limits(descriptors.files, sockets.clone())
        .kafka_door(plan.door(both_families, sockets), plan.rule.clone())
        .kafka_at(kafka)
        .web_at(web.into_iter().filter(|(_, addresses)| !addresses.is_empty()).collect())
        .version(env!("CARGO_PKG_VERSION"));
    if plan.http.is_some() {
        setup = setup.control();
    }
    let kit = setup.start().map_err(|trouble| match trouble {
        Trouble::Port { door, address, source } => cannot_listen(address, door, &source),
        Trouble::Start(error) => unstarted(plan, error),
        other => Failure::new(Kind::Failed, "the server for tests cannot start").why(other),
    })?;
    let ready = ready(plan, &kit);
    let told = kit.told();
    Ok((Serving::Ephemeral(kit), told, ready))
}

fn ready(plan: &Plan, kit: &Kit) -> Ready {
    let (recovered, took) = kit.recovered().unwrap_or_default();
    let control = kit.http().zip(kit.token()).map(|(http, token)| {
        // Reached from this machine only, whatever the door listens on.
        let port = http.rsplit_once(':').map_or("", |(_, port)| port);
        Control { url: format!("http://127.0.0.1:{port}/ephemeral/v1"), token: token.to_string() }
    });
    Ready {
        kafka: kit.kafka(),
        http: kit.http(),
        registry: kit.registry(),
        rest: kit.rest(),
        data: kit.directory(),
        advertise: plan.rule.clone(),
        recovered,
        took,
        keeps: Keeps::default(),
        control,
    }
}

impl Address {
    /// Every address of it. A machine without IPv6 is served on IPv4 alone.
    fn all(&self) -> Vec<SocketAddr> {
        match self {
            Address::One(address) => vec![*address],
            Address::Loopback(port) => {
                let both = super::listen::loopback(*port, StdListener::bind);
                both.into_iter().map(|(address, _)| address).collect()
            }
        }
    }
}

impl Listening {
    /// Every address of a door that nobody needs to ask for; none when it is off, or its usual port is taken.
    fn all(&self, door: &'static str) -> Vec<SocketAddr> {
        match self {
            Self::Off => Vec::new(),
            Self::At(address) => address.all(),
            Self::Usual(port) => match self.bind(door) {
                Ok(Some(_)) => Address::Loopback(*port).all(),
                _ => Vec::new(),
            },
        }
    }
}
