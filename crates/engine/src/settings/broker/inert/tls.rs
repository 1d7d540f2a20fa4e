//! Settings of TLS.

use crate::settings::setting::{Check, Kind, Reach, Setting, inert};

const WHY: &str = "Connections are not encrypted yet, so there is no certificate, cipher or handshake.";

#[rustfmt::skip]
pub(super) const SETTINGS: &[Setting] = &[
    inert(WHY, "ssl.allow.dn.changes", Kind::Boolean, Some("false"), Reach::AtStart, Check::Any, "Whether a new certificate may name another owner."),
    inert(WHY, "ssl.allow.san.changes", Kind::Boolean, Some("false"), Reach::AtStart, Check::Any, "Whether a new certificate may name other hosts."),
    inert(WHY, "ssl.cipher.suites", Kind::List, Some(""), Reach::Broker, Check::Any, "The ciphers that may be used."),
    inert(WHY, "ssl.client.auth", Kind::Text, Some("none"), Reach::Broker, Check::OneOf(&["required", "requested", "none"]), "Whether clients must show a certificate."),
    inert(WHY, "ssl.enabled.protocols", Kind::List, Some("TLSv1.2,TLSv1.3"), Reach::Broker, Check::Any, "The versions of TLS that may be used."),
    inert(WHY, "ssl.endpoint.identification.algorithm", Kind::Text, Some("https"), Reach::Broker, Check::Any, "How a host's name is compared with its certificate."),
    inert(WHY, "ssl.engine.factory.class", Kind::Class, None, Reach::Listener, Check::Any, "A plug-in that makes TLS engines."),
    inert(WHY, "ssl.key.password", Kind::Password, None, Reach::Listener, Check::Any, "The password of the private key."),
    inert(WHY, "ssl.keymanager.algorithm", Kind::Text, Some("SunX509"), Reach::Broker, Check::Any, "The algorithm that chooses a key."),
    inert(WHY, "ssl.keystore.certificate.chain", Kind::Password, None, Reach::Listener, Check::Any, "The certificate and its issuers."),
    inert(WHY, "ssl.keystore.key", Kind::Password, None, Reach::Listener, Check::Any, "The private key."),
    inert(WHY, "ssl.keystore.location", Kind::Text, None, Reach::Listener, Check::Any, "The file with key and certificate."),
    inert(WHY, "ssl.keystore.password", Kind::Password, None, Reach::Listener, Check::Any, "The password of that file."),
    inert(WHY, "ssl.keystore.type", Kind::Text, Some("JKS"), Reach::Listener, Check::Any, "The format of that file."),
    inert(WHY, "ssl.principal.mapping.rules", Kind::Text, Some("DEFAULT"), Reach::AtStart, Check::Any, "How names in certificates become user names."),
    inert(WHY, "ssl.protocol", Kind::Text, Some("TLSv1.3"), Reach::Broker, Check::Any, "The version of TLS that is tried first."),
    inert(WHY, "ssl.provider", Kind::Text, None, Reach::Broker, Check::Any, "The Java provider of TLS."),
    inert(WHY, "ssl.secure.random.implementation", Kind::Text, None, Reach::Broker, Check::Any, "The source of randomness."),
    inert(WHY, "ssl.trustmanager.algorithm", Kind::Text, Some("PKIX"), Reach::Broker, Check::Any, "The algorithm that judges certificates."),
    inert(WHY, "ssl.truststore.certificates", Kind::Password, None, Reach::Listener, Check::Any, "The certificates that are trusted."),
    inert(WHY, "ssl.truststore.location", Kind::Text, None, Reach::Listener, Check::Any, "The file with the certificates that are trusted."),
    inert(WHY, "ssl.truststore.password", Kind::Password, None, Reach::Listener, Check::Any, "The password of that file."),
    inert(WHY, "ssl.truststore.type", Kind::Text, Some("JKS"), Reach::Listener, Check::Any, "The format of that file."),
];
