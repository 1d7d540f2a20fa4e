//! How one gets in: what answers (D04), whether it is who it says it is (D05), and whether it lets this user in (D06).

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use milena_client::{Connection, Endpoint, Error, LoginFailure, Mechanism, Options as Dialling, Secured, TlsFailure};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::finding::Finding;
use crate::cmd::ping::spent;

/// A certificate that has fewer days left is a warning.
const SOON: i64 = 30;
const DAY: i64 = 86_400;

/// The three findings, and a connection that may be used if there is one.
pub(super) async fn check(target: &Endpoint, dialling: &Dialling) -> (Vec<Finding>, Option<Connection>) {
    let begin = Instant::now();
    let connection = match Connection::open_as_nobody(target, dialling).await {
        Ok(connection) => connection,
        Err(error) => return (shut(target, dialling, &error), None),
    };
    let answer = Finding::ok("D04", "Kafka").took(begin.elapsed());
    let tls = match connection.secured() {
        Some(secured) => valid(secured, now()).took(begin.elapsed()),
        None => Finding::skipped("D05", "because nobody asked for TLS (--tls)"),
    };
    let (login, connection) = log_in(target, dialling, connection).await;
    (vec![answer, tls, login], connection)
}

/// Why nothing could be said to it.
fn shut(target: &Endpoint, dialling: &Dialling, error: &Error) -> Vec<Finding> {
    if let Error::Tls { failure, .. } = error
        && *failure != TlsFailure::NotTls
    {
        let finding = Finding::failure("D05", failure.to_string()).fix(remedy(target, failure));
        return vec![Finding::ok("D04", "TLS"), finding];
    }
    let words = error.to_string();
    let host = target.host();
    let fix = match error {
        Error::Tls { .. } => "leave --tls out, or use the port for TLS".to_string(),
        _ if words.contains("HTTP") => format!("milena doctor {host}:9092   (that port speaks HTTP)"),
        _ if words.contains("TLS") => format!("milena doctor {target} --tls"),
        _ if words.contains("SSH") => format!("milena doctor {host}:9092   (that port speaks SSH)"),
        Error::Closed { .. } if dialling.security.tls.is_none() => {
            format!("milena doctor {target} --tls   (a port for TLS closes like this)")
        }
        _ => format!("milena ping {target} --trace"),
    };
    let finding = Finding::failure("D04", format!("what answers at {target} does not speak Kafka: {words}")).fix(fix);
    vec![error.hint().into_iter().fold(finding, Finding::detail)]
}

fn remedy(target: &Endpoint, failure: &TlsFailure) -> String {
    match failure {
        TlsFailure::UnknownAuthority => {
            format!("--ca FILE with the authority's certificate; to see it:  openssl s_client -connect {target} -showcerts")
        }
        TlsFailure::Expired | TlsFailure::NotYet => "have the broker's certificate renewed, and look at both clocks (D12)".into(),
        TlsFailure::OtherName { names } if !names.is_empty() => {
            let name = names.iter().find(|n| !n.contains('*')).or(names.first()).map_or("", |n| n.as_str());
            format!("dial it by a name that it has:  milena doctor {}:{} --tls", bare(name), target.port())
        }
        TlsFailure::OtherName { .. } => "dial it by a name that stands in its certificate".into(),
        TlsFailure::WantsCertificate => "--tls-cert FILE --tls-key FILE with a certificate that the broker trusts".into(),
        _ => format!("milena ping {target} --tls --trace"),
    }
}

/// rustls writes `DnsName("a")` and `IpAddress(1.2.3.4)`.
fn bare(name: &str) -> &str {
    let inside = name.split_once('(').map_or(name, |(_, rest)| rest.trim_end_matches(')'));
    inside.trim_matches('"')
}

/// D05 of a handshake that went well: for how long, and for whom.
fn valid(secured: &Secured, now: i64) -> Finding {
    let how = format!("{}, {}", secured.version, secured.cipher);
    let Some((until, names)) = secured.chain.first().and_then(|der| read(der)) else {
        return Finding::warning("D05", format!("{how}; the certificate cannot be read")).fix("milena doctor --tls --trace");
    };
    let days = (until - now).div_euclid(DAY);
    let words =
        format!("valid for {days} days, for {}; {how}", if names.is_empty() { "no name".into() } else { names.join(", ") });
    match days {
        days if days < SOON => Finding::warning("D05", words).fix("have the broker's certificate renewed"),
        _ => Finding::ok("D05", words),
    }
}

/// Until when a certificate is valid, and for which names.
fn read(der: &[u8]) -> Option<(i64, Vec<String>)> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let names = certificate.subject_alternative_name().ok().flatten();
    let names = names.iter().flat_map(|extension| &extension.value.general_names);
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_string()),
        GeneralName::IPAddress(bytes) => match **bytes {
            [a, b, c, d] => Some(std::net::Ipv4Addr::new(a, b, c, d).to_string()),
            _ => <[u8; 16]>::try_from(*bytes).ok().map(|b| std::net::Ipv6Addr::from(b).to_string()),
        },
        _ => None,
    };
    Some((certificate.validity().not_after.timestamp(), names.filter_map(name).take(8).collect()))
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(i64::MAX))
}

/// D06, on a connection of its own: the first one was only for looking.
async fn log_in(target: &Endpoint, dialling: &Dialling, connection: Connection) -> (Finding, Option<Connection>) {
    let begin = Instant::now();
    let Some(login) = &dialling.security.login else {
        return match anonymous(target, dialling).await {
            Some(offered) => (wanted(&offered).took(begin.elapsed()), None),
            None => (Finding::skipped("D06", "because this port has no logins"), Some(connection)),
        };
    };
    let error = match Connection::open(target, dialling).await {
        Ok(connection) => {
            let words = format!("{} by {}, in {}", login.user(), login.mechanism().name(), spent(begin.elapsed()));
            let finding = match login.mechanism() == Mechanism::Plain && dialling.security.tls.is_none() {
                true => Finding::warning("D06", format!("{words}: the password went over the wire in the clear"))
                    .fix("--tls, or --sasl-mechanism SCRAM-SHA-512"),
                false => Finding::ok("D06", words),
            };
            return (finding.took(begin.elapsed()), Some(connection));
        }
        Err(error) => error,
    };
    let finding = match &error {
        Error::Login { failure: LoginFailure::Mechanism { offered }, mechanism, .. } => {
            let all = offered.join(", ");
            Finding::failure("D06", format!("{mechanism} is not switched on there; there are: {all}"))
                .fix(format!("--sasl-mechanism {}", offered.first().map_or("NAME", |o| o.as_str())))
        }
        Error::Login { failure: LoginFailure::NoLogins, .. } => {
            Finding::failure("D06", "this port has no logins: it takes anybody").fix("leave --user out, or use another port")
        }
        Error::Login { failure: LoginFailure::Rejected(why), user, .. } => {
            Finding::failure("D06", format!("{user} is not let in: {why}"))
                .detail("the broker does not say whether the name or the password is wrong")
                .fix(format!("on an Apache Kafka: kafka-configs --describe --entity-type users --entity-name {user}"))
        }
        other => Finding::failure("D06", other.to_string()).fix(format!("milena ping {target} --trace")),
    };
    (finding.took(begin.elapsed()), None)
}

/// What a port offers to those who would log in; `None` if it wants no login.
async fn anonymous(target: &Endpoint, dialling: &Dialling) -> Option<Vec<String>> {
    Connection::open_as_nobody(target, dialling).await.ok()?.mechanisms().await.ok()?
}

fn wanted(offered: &[String]) -> Finding {
    Finding::failure("D06", format!("this port wants a login, and no user was named; it offers {}", offered.join(", ")))
        .fix("milena doctor --user NAME")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_printed() {
        assert_eq!(bare("DnsName(\"shop.lan\")"), "shop.lan");
        assert_eq!(bare("IpAddress(10.0.0.1)"), "10.0.0.1");
        assert_eq!(bare("shop.lan"), "shop.lan");
        assert!(read(b"no certificate").is_none());
    }
}
