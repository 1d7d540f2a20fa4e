//! The address that a client is told. Knows addresses and the operator's wish; knows no message.
//!
//! `auto` tells each connection the address it dialled, so that a client that reached us once reaches us again.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

/// Host and port, as they go into an answer.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct HostPort {
    pub host: String,
    pub port: u16,
}

/// Addresses that begin with the same bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Net {
    address: IpAddr,
    bits: u8,
}

/// What clients are told, by where they come from: `auto`, `HOST:PORT`, or `CIDR=HOST:PORT,…`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Advertise {
    Auto,
    Fixed(HostPort),
    /// The first network that contains the client decides; `auto` for everybody else.
    ByNetwork(Vec<Rule>),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    net: Net,
    told: HostPort,
}

/// Why an `--advertise` value cannot work, with what to write instead.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadAdvertise {
    #[error("the advertised address is empty; write auto, HOST:PORT or CIDR=HOST:PORT,…")]
    Empty,
    #[error("{0:?} has no port; write HOST:PORT, for example {0}:9092")]
    NoPort(String),
    #[error("{0:?} is no port; ports are 1 to 65535")]
    Port(String),
    #[error(
        "no client can connect to {0}: it means \"every address of this machine\"; write the address that clients dial, or auto"
    )]
    Unspecified(String),
    #[error("no client can connect to {0}: it is a broadcast or multicast address, which belongs to no machine")]
    NoMachine(String),
    #[error("{0:?} is no address: an IPv4 address has four numbers, and a name does not end in one")]
    Short(String),
    #[error("{0:?} is no network; write for example 10.0.0.0/8 or fd00::/8")]
    Network(String),
    #[error("{0}:// is not spoken here: clients connect without TLS and login; write HOST:PORT")]
    Scheme(String),
    #[error("{0:?} is no host: a name has letters, digits, dots and dashes")]
    Host(String),
    #[error("{0:?} is an IPv6 address without brackets, so nobody can tell where its port begins")]
    Brackets(String),
    #[error("{0:?} are several addresses, and each client is told one")]
    Several(String),
    #[error("for clients in {net}: {why}")]
    ForNetwork { net: String, why: Box<BadAdvertise> },
}

impl BadAdvertise {
    /// What to write instead.
    pub fn fix(&self) -> String {
        match self {
            Self::NoPort(_) | Self::Brackets(_) => format!("--advertise {}", self.instead()),
            Self::ForNetwork { net, why } => match why.as_ref() {
                Self::NoPort(_) | Self::Brackets(_) => format!("--advertise {net}={}", why.instead()),
                _ => format!("--advertise {net}=HOST:PORT   or   --advertise auto"),
            },
            Self::Several(_) => {
                "--advertise auto (what each client dialled)   or   --advertise 10.0.0.0/8=HOST:PORT,192.168.0.0/16=HOST:PORT"
                    .into()
            }
            Self::Network(_) => "--advertise 10.0.0.0/8=HOST:PORT   or   --advertise auto".into(),
            Self::Empty
            | Self::Port(_)
            | Self::Unspecified(_)
            | Self::NoMachine(_)
            | Self::Short(_)
            | Self::Scheme(_)
            | Self::Host(_) => "--advertise auto   or   --advertise HOST:PORT, as clients dial it".into(),
        }
    }

    /// The address that was meant, where that can be told.
    fn instead(&self) -> String {
        match self {
            Self::NoPort(host) => format!("{host}:9092"),
            Self::Brackets(text) => match text.rsplit_once(':') {
                Some((host, port)) if is_v6(host) && port.parse().is_ok_and(|port: u16| port != 0) => format!("[{host}]:{port}"),
                _ if is_v6(text) => format!("[{text}]:9092"),
                _ => "HOST:PORT".into(),
            },
            _ => "HOST:PORT".into(),
        }
    }
}

impl Advertise {
    /// The address told to a client at `remote` that reached us at `local`. `both_families`: the port is open on
    /// 127.0.0.1 and on ::1, so the name `localhost` works whichever way it resolves.
    pub fn told(&self, remote: IpAddr, local: SocketAddr, both_families: bool) -> HostPort {
        match self {
            Advertise::Auto => reached(local, both_families),
            Advertise::Fixed(told) => told.clone(),
            Advertise::ByNetwork(rules) => match rules.iter().find(|rule| rule.net.contains(remote)) {
                Some(rule) => rule.told.clone(),
                None => reached(local, both_families),
            },
        }
    }
}

fn reached(local: SocketAddr, both_families: bool) -> HostPort {
    let ip = local.ip().to_canonical();
    let host = if ip.is_loopback() && both_families { "localhost".to_owned() } else { ip.to_string() };
    HostPort { host, port: local.port() }
}

impl Net {
    fn contains(&self, ip: IpAddr) -> bool {
        match (self.address, ip.to_canonical()) {
            (IpAddr::V4(net), IpAddr::V4(ip)) => same_head(&net.octets(), &ip.octets(), self.bits),
            (IpAddr::V6(net), IpAddr::V6(ip)) => same_head(&net.octets(), &ip.octets(), self.bits),
            _ => false,
        }
    }
}

fn same_head(a: &[u8], b: &[u8], bits: u8) -> bool {
    let whole = usize::from(bits / 8);
    let mask = !(0xffu16 >> (bits % 8)) as u8;
    a[..whole] == b[..whole] && (mask == 0 || a.get(whole).zip(b.get(whole)).is_none_or(|(a, b)| a & mask == b & mask))
}

impl FromStr for Net {
    type Err = BadAdvertise;
    fn from_str(text: &str) -> Result<Self, BadAdvertise> {
        let bad = || BadAdvertise::Network(text.to_owned());
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse().map_err(|_| bad())?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| bad())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        if bits > most { Err(bad()) } else { Ok(Self { address, bits }) }
    }
}

impl FromStr for HostPort {
    type Err = BadAdvertise;
    /// Kafka's own way to write it, with `PLAINTEXT://` in front, is taken too.
    fn from_str(text: &str) -> Result<Self, BadAdvertise> {
        let text = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("PLAINTEXT") => rest,
            Some((scheme, _)) => return Err(BadAdvertise::Scheme(scheme.to_owned())),
            None => text,
        };
        if text.contains(',') {
            return Err(BadAdvertise::Several(text.to_owned()));
        }
        if text.is_empty() {
            return Err(BadAdvertise::Empty);
        }
        // Before anything is said of how it is written: what is proposed instead must be able to work.
        text.parse::<Ipv6Addr>().map_or(Ok(()), |ip| can_be_dialled(ip.into(), text))?;
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (text, None),
        };
        let inside = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        if inside.is_none() && host.contains(':') {
            host.parse::<Ipv6Addr>().map_or(Ok(()), |ip| can_be_dialled(ip.into(), host))?;
            return Err(BadAdvertise::Brackets(text.to_owned()));
        }
        let (host, brackets) = (inside.unwrap_or(host), inside.is_some());
        if host.is_empty() {
            return Err(BadAdvertise::Empty);
        }
        if !is_host(host, brackets) {
            return Err(BadAdvertise::Host(host.to_owned()));
        }
        match host.parse::<IpAddr>() {
            Ok(ip) => can_be_dialled(ip, host)?,
            // Resolvers read `0` and `127.1` as addresses, some of them; `0` is every address.
            Err(_) if ends_in_a_number(host) => return Err(BadAdvertise::Short(host.to_owned())),
            Err(_) => {}
        }
        let port = port.ok_or_else(|| BadAdvertise::NoPort(text.to_owned()))?;
        let port = port.parse().ok().filter(|p| *p != 0).ok_or_else(|| BadAdvertise::Port(port.to_owned()))?;
        Ok(Self { host: host.to_owned(), port })
    }
}

/// Whether a machine can have this address, in whichever family it is written.
pub fn can_be_dialled(ip: IpAddr, written: &str) -> Result<(), BadAdvertise> {
    let ip = ip.to_canonical();
    let is_broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
    if ip.is_unspecified() {
        Err(BadAdvertise::Unspecified(written.to_owned()))
    } else if ip.is_multicast() || is_broadcast {
        Err(BadAdvertise::NoMachine(written.to_owned()))
    } else {
        Ok(())
    }
}

fn is_v6(text: &str) -> bool {
    text.parse::<Ipv6Addr>().is_ok()
}

/// No name ends so; what does is meant as an IPv4 address.
fn ends_in_a_number(host: &str) -> bool {
    let last = host.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    let digits = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    match digits {
        Some(hex) => hex.bytes().all(|b| b.is_ascii_hexdigit()),
        None => last.bytes().all(|b| b.is_ascii_digit()),
    }
}

/// A name as resolvers take it, or an address; in brackets only IPv6.
fn is_host(host: &str, brackets: bool) -> bool {
    if brackets {
        return is_v6(host);
    }
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    // Names have 253 characters at most (RFC 1035).
    host.len() <= 253 && host.bytes().all(legal) && !host.starts_with(['-', '.'])
}

impl FromStr for Advertise {
    type Err = BadAdvertise;
    fn from_str(text: &str) -> Result<Self, BadAdvertise> {
        let text = text.trim();
        if text.is_empty() {
            return Err(BadAdvertise::Empty);
        }
        if text.eq_ignore_ascii_case("auto") {
            return Ok(Self::Auto);
        }
        if !text.contains('=') {
            return text.parse().map(Self::Fixed);
        }
        let rule = |part: &str| {
            let (net, told) = part.split_once('=').ok_or_else(|| BadAdvertise::Network(part.to_owned()))?;
            let net: Net = net.trim().parse()?;
            let within = |why| BadAdvertise::ForNetwork { net: net.to_string(), why: Box::new(why) };
            Ok(Rule { net, told: told.trim().parse().map_err(within)? })
        };
        text.split(',').map(rule).collect::<Result<_, _>>().map(Self::ByNetwork)
    }
}

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

/// As it is written, in one spelling.
impl fmt::Display for Advertise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Fixed(told) => told.fmt(f),
            Self::ByNetwork(rules) => rules.iter().enumerate().try_for_each(|(n, rule)| {
                let comma = if n == 0 { "" } else { "," };
                write!(f, "{comma}{}={}", rule.net, rule.told)
            }),
        }
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(advertise: &str, remote: &str, local: &str, both: bool) -> String {
        let advertise: Advertise = advertise.parse().unwrap();
        advertise.told(remote.parse().unwrap(), local.parse().unwrap(), both).to_string()
    }

    #[test]
    fn auto_tells_what_was_dialled() {
        assert_eq!(told("auto", "127.0.0.1", "127.0.0.1:9092", true), "localhost:9092");
        assert_eq!(told("auto", "127.0.0.1", "127.0.0.1:9092", false), "127.0.0.1:9092");
        assert_eq!(told("AUTO", "::1", "[::1]:1", false), "[::1]:1");
        assert_eq!(told("auto", "10.1.2.3", "10.9.9.9:9092", true), "10.9.9.9:9092");
        assert_eq!(told("auto", "::ffff:10.1.2.3", "[::ffff:10.9.9.9]:9092", true), "10.9.9.9:9092");
    }

    #[test]
    fn networks_decide_in_order_and_others_get_auto() {
        let rules = "10.0.0.0/8=inside:9092, 192.168.0.0/17=half:1,fd00::/8=[fd00::1]:9";
        assert_eq!(told(rules, "10.200.1.1", "10.0.0.1:5", true), "inside:9092");
        assert_eq!(told(rules, "192.168.127.255", "10.0.0.1:5", true), "half:1");
        assert_eq!(told(rules, "192.168.128.0", "10.0.0.1:5", true), "10.0.0.1:5");
        assert_eq!(told(rules, "fdab::1", "10.0.0.1:5", true), "[fd00::1]:9");
        assert_eq!(told("0.0.0.0/0=all:1", "8.8.8.8", "10.0.0.1:5", true), "all:1");
        assert_eq!(told("8.8.8.8=one:1", "8.8.8.8", "10.0.0.1:5", true), "one:1");
    }

    #[test]
    fn there_is_one_spelling_to_tell() {
        for (written, told) in [
            ("AUTO", "auto"),
            ("PLAINTEXT://localhost:9092", "localhost:9092"),
            ("[::1]:9092", "[::1]:9092"),
            ("10.0.0.0/8=a:1, ::/0=b:2", "10.0.0.0/8=a:1,::/0=b:2"),
        ] {
            let advertise: Advertise = written.parse().unwrap();
            assert_eq!(advertise.to_string(), told);
            assert_eq!(told.parse(), Ok(advertise));
        }
    }

    #[test]
    fn what_cannot_work_is_refused_with_words() {
        let refused = |text: &str| text.parse::<Advertise>().unwrap_err();
        assert_eq!(refused(" "), BadAdvertise::Empty);
        assert_eq!(refused(":9092"), BadAdvertise::Empty);
        assert_eq!(refused("host"), BadAdvertise::NoPort("host".into()));
        assert_eq!(refused("[::1]"), BadAdvertise::NoPort("[::1]".into()));
        assert_eq!(refused("host:0"), BadAdvertise::Port("0".into()));
        assert_eq!(refused("0.0.0.0:9092"), BadAdvertise::Unspecified("0.0.0.0".into()));
        assert_eq!(refused("[::]:9092"), BadAdvertise::Unspecified("::".into()));
        assert_eq!(refused("10.0.0.0/33=a:1"), BadAdvertise::Network("10.0.0.0/33".into()));
        assert_eq!(refused("x=a:1"), BadAdvertise::Network("x".into()));
        assert_eq!(refused("http://foo:9092"), BadAdvertise::Scheme("http".into()));
        assert_eq!(refused("SASL_SSL://foo:9092"), BadAdvertise::Scheme("SASL_SSL".into()));
        assert_eq!(refused("foo bar:9092"), BadAdvertise::Host("foo bar".into()));
        assert_eq!(refused("[foo]:9092"), BadAdvertise::Host("foo".into()));
        assert_eq!(refused("127.0.0.1:1,localhost:2"), BadAdvertise::Several("127.0.0.1:1,localhost:2".into()));
        assert_eq!(refused("::1:29941"), BadAdvertise::Brackets("::1:29941".into()));
        assert_eq!(refused("::1:29941").fix(), "--advertise [::1]:29941");
    }

    #[test]
    fn an_address_that_no_machine_has_is_refused_however_it_is_written() {
        let refused = |text: &str| text.parse::<Advertise>().unwrap_err();
        let plain = "--advertise auto   or   --advertise HOST:PORT, as clients dial it";
        for text in ["0.0.0.0:9092", "[::]:9092", "[::ffff:0.0.0.0]:9092", "0.0.0.0", "[::]", "::", "::ffff:0.0.0.0", ":::9092"] {
            assert!(matches!(refused(text), BadAdvertise::Unspecified(_)), "{text}: {:?}", refused(text));
            assert_eq!(refused(text).fix(), plain, "{text}");
        }
        for text in ["255.255.255.255:9092", "224.0.0.1:9092", "[ff02::1]:9092", "[::ffff:224.0.0.1]:9092", "224.0.0.1"] {
            assert!(matches!(refused(text), BadAdvertise::NoMachine(_)), "{text}: {:?}", refused(text));
            assert_eq!(refused(text).fix(), plain, "{text}");
        }
        for text in ["0:9092", "0.0.0:9092", "127.1:9092", "0x7f.1:9092", "0x0:9092", "1.2.3.256:9092", "0"] {
            assert!(matches!(refused(text), BadAdvertise::Short(_)), "{text}: {:?}", refused(text));
        }
        for good in ["host1:9092", "1host:9092", "a.b-2:1", "0x.example:1", "[::ffff:10.0.0.1]:1"] {
            assert!(good.parse::<Advertise>().is_ok(), "{good}");
        }
    }

    #[test]
    fn what_is_proposed_can_work() {
        let fix = |text: &str| text.parse::<Advertise>().unwrap_err().fix();
        for (text, proposed) in [
            ("host", "--advertise host:9092"),
            ("[::1]", "--advertise [::1]:9092"),
            ("::1", "--advertise [::1]:9092"),
            ("fe80::abcd", "--advertise [fe80::abcd]:9092"),
            ("::1:29941", "--advertise [::1]:29941"),
            ("10.0.0.0/8=", "--advertise 10.0.0.0/8=HOST:PORT   or   --advertise auto"),
            ("10.0.0.0/8=0.0.0.0:9092", "--advertise 10.0.0.0/8=HOST:PORT   or   --advertise auto"),
            ("10.0.0.0/8=inside", "--advertise 10.0.0.0/8=inside:9092"),
            ("foo bar", "--advertise auto   or   --advertise HOST:PORT, as clients dial it"),
        ] {
            assert_eq!(fix(text), proposed, "{text}");
            let alone =
                proposed.split("   ").next().unwrap().strip_prefix("--advertise ").unwrap().replace("HOST:PORT", "host:1");
            assert!(alone.parse::<Advertise>().is_ok(), "{alone}");
        }
    }
}
