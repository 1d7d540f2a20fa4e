//! Settings of SASL logins and of delegation tokens.

use crate::settings::setting::{Check, Kind, Reach, Setting, inert};

const WHY: &str =
    "There are no logins yet: every connection is taken as it comes, and the broker warns when it listens beyond this machine.";

#[rustfmt::skip]
pub(super) const SETTINGS: &[Setting] = &[
    inert(WHY, "connections.max.reauth.ms", Kind::Long, Some("0"), Reach::AtStart, Check::Any, "After how long a login must be repeated."),
    inert(WHY, "delegation.token.expiry.check.interval.ms", Kind::Long, Some("3600000"), Reach::AtStart, Check::AtLeast(1), "How often expired tokens are looked for."),
    inert(WHY, "delegation.token.expiry.time.ms", Kind::Long, Some("86400000"), Reach::AtStart, Check::AtLeast(1), "How long a token is valid before it is renewed."),
    inert(WHY, "delegation.token.max.lifetime.ms", Kind::Long, Some("604800000"), Reach::AtStart, Check::AtLeast(1), "How long a token may be renewed."),
    inert(WHY, "delegation.token.secret.key", Kind::Password, None, Reach::AtStart, Check::Any, "The secret that tokens are signed with."),
    inert(WHY, "sasl.client.callback.handler.class", Kind::Class, None, Reach::AtStart, Check::Any, "A plug-in for logins of this broker elsewhere."),
    inert(WHY, "sasl.enabled.mechanisms", Kind::List, Some("GSSAPI"), Reach::Broker, Check::Any, "The mechanisms by which clients may log in."),
    inert(WHY, "sasl.jaas.config", Kind::Password, None, Reach::Broker, Check::Any, "The login configuration in Java's own format."),
    inert(WHY, "sasl.kerberos.kinit.cmd", Kind::Text, Some("/usr/bin/kinit"), Reach::Broker, Check::Any, "The command that gets a Kerberos ticket."),
    inert(WHY, "sasl.kerberos.min.time.before.relogin", Kind::Long, Some("60000"), Reach::Broker, Check::Any, "How long two Kerberos logins lie apart at least."),
    inert(WHY, "sasl.kerberos.principal.to.local.rules", Kind::List, Some("DEFAULT"), Reach::Broker, Check::Any, "How Kerberos names become user names."),
    inert(WHY, "sasl.kerberos.service.name", Kind::Text, None, Reach::Broker, Check::Any, "The Kerberos name of the service."),
    inert(WHY, "sasl.kerberos.ticket.renew.jitter", Kind::Double, Some("0.05"), Reach::Broker, Check::Any, "How much chance there is in the renewal of a ticket."),
    inert(WHY, "sasl.kerberos.ticket.renew.window.factor", Kind::Double, Some("0.8"), Reach::Broker, Check::Any, "At which part of its life a ticket is renewed."),
    inert(WHY, "sasl.login.callback.handler.class", Kind::Class, None, Reach::AtStart, Check::Any, "A plug-in for logins."),
    inert(WHY, "sasl.login.class", Kind::Class, None, Reach::AtStart, Check::Any, "A plug-in that logs in."),
    inert(WHY, "sasl.login.connect.timeout.ms", Kind::Int, None, Reach::AtStart, Check::Any, "How long a connection to a login provider may take."),
    inert(WHY, "sasl.login.read.timeout.ms", Kind::Int, None, Reach::AtStart, Check::Any, "How long an answer of a login provider may take."),
    inert(WHY, "sasl.login.refresh.buffer.seconds", Kind::Short, Some("300"), Reach::Broker, Check::Any, "How long before its end a credential is renewed at the latest."),
    inert(WHY, "sasl.login.refresh.min.period.seconds", Kind::Short, Some("60"), Reach::Broker, Check::Any, "How long two renewals of a credential lie apart at least."),
    inert(WHY, "sasl.login.refresh.window.factor", Kind::Double, Some("0.8"), Reach::Broker, Check::Any, "At which part of its life a credential is renewed."),
    inert(WHY, "sasl.login.refresh.window.jitter", Kind::Double, Some("0.05"), Reach::Broker, Check::Any, "How much chance there is in that renewal."),
    inert(WHY, "sasl.login.retry.backoff.max.ms", Kind::Long, Some("10000"), Reach::AtStart, Check::Any, "The longest pause between two attempts at a login provider."),
    inert(WHY, "sasl.login.retry.backoff.ms", Kind::Long, Some("100"), Reach::AtStart, Check::Any, "The first pause between two attempts at a login provider."),
    inert(WHY, "sasl.mechanism.controller.protocol", Kind::Text, Some("GSSAPI"), Reach::AtStart, Check::Any, "The mechanism by which brokers log in to controllers."),
    inert(WHY, "sasl.mechanism.inter.broker.protocol", Kind::Text, Some("GSSAPI"), Reach::Broker, Check::Any, "The mechanism by which brokers log in to each other."),
    inert(WHY, "sasl.server.callback.handler.class", Kind::Class, None, Reach::AtStart, Check::Any, "A plug-in that checks logins."),
    inert(WHY, "sasl.server.max.receive.size", Kind::Int, Some("524288"), Reach::AtStart, Check::Any, "How large a login message may be."),
    inert(WHY, "security.inter.broker.protocol", Kind::Text, Some("PLAINTEXT"), Reach::AtStart, Check::OneOf(&["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]), "The security protocol between brokers."),
];
