//! Settings of OAuth logins.

use crate::settings::setting::{Check, Kind, Reach, Setting, inert};

const WHY: &str = "There are no logins yet, so no token is fetched, signed or checked.";

#[rustfmt::skip]
pub(super) const SETTINGS: &[Setting] = &[
    inert(WHY, "sasl.oauthbearer.assertion.algorithm", Kind::Text, Some("RS256"), Reach::AtStart, Check::OneOfAnyCase(&["ES256", "RS256"]), "The algorithm that an assertion is signed with."),
    inert(WHY, "sasl.oauthbearer.assertion.claim.aud", Kind::Text, None, Reach::AtStart, Check::Any, "The audience that an assertion names."),
    inert(WHY, "sasl.oauthbearer.assertion.claim.exp.seconds", Kind::Int, Some("300"), Reach::AtStart, Check::Between(0, 86400), "How long an assertion is valid."),
    inert(WHY, "sasl.oauthbearer.assertion.claim.iss", Kind::Text, None, Reach::AtStart, Check::Any, "The issuer that an assertion names."),
    inert(WHY, "sasl.oauthbearer.assertion.claim.jti.include", Kind::Boolean, Some("false"), Reach::AtStart, Check::Any, "Whether an assertion carries an id of its own."),
    inert(WHY, "sasl.oauthbearer.assertion.claim.nbf.seconds", Kind::Int, Some("60"), Reach::AtStart, Check::Between(0, 3600), "How far back an assertion begins to be valid."),
    inert(WHY, "sasl.oauthbearer.assertion.claim.sub", Kind::Text, None, Reach::AtStart, Check::Any, "The subject that an assertion names."),
    inert(WHY, "sasl.oauthbearer.assertion.file", Kind::Text, None, Reach::AtStart, Check::Any, "A file with a ready-made assertion."),
    inert(WHY, "sasl.oauthbearer.assertion.private.key.file", Kind::Text, None, Reach::AtStart, Check::Any, "A file with the key that assertions are signed with."),
    inert(WHY, "sasl.oauthbearer.assertion.private.key.passphrase", Kind::Password, None, Reach::AtStart, Check::Any, "The passphrase of that key."),
    inert(WHY, "sasl.oauthbearer.assertion.template.file", Kind::Text, None, Reach::AtStart, Check::Any, "A file with the fixed parts of an assertion."),
    inert(WHY, "sasl.oauthbearer.client.credentials.client.id", Kind::Text, None, Reach::AtStart, Check::Any, "The client's name at the token provider."),
    inert(WHY, "sasl.oauthbearer.client.credentials.client.secret", Kind::Password, None, Reach::AtStart, Check::Any, "The client's secret at the token provider."),
    inert(WHY, "sasl.oauthbearer.clock.skew.seconds", Kind::Int, Some("30"), Reach::AtStart, Check::Any, "How far the provider's clock may differ."),
    inert(WHY, "sasl.oauthbearer.expected.audience", Kind::List, Some(""), Reach::AtStart, Check::Any, "The audiences that a token may be meant for."),
    inert(WHY, "sasl.oauthbearer.expected.issuer", Kind::Text, None, Reach::AtStart, Check::Any, "The issuer that a token must come from."),
    inert(WHY, "sasl.oauthbearer.jwks.endpoint.refresh.ms", Kind::Long, Some("3600000"), Reach::AtStart, Check::Any, "How often the provider's keys are fetched."),
    inert(WHY, "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", Kind::Long, Some("10000"), Reach::AtStart, Check::Any, "The longest pause between two attempts to fetch keys."),
    inert(WHY, "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", Kind::Long, Some("100"), Reach::AtStart, Check::Any, "The first pause between two attempts to fetch keys."),
    inert(WHY, "sasl.oauthbearer.jwks.endpoint.url", Kind::Text, None, Reach::AtStart, Check::Any, "Where the provider's keys are."),
    inert(WHY, "sasl.oauthbearer.jwt.retriever.class", Kind::Class, Some("org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever"), Reach::AtStart, Check::Any, "A plug-in that fetches tokens."),
    inert(WHY, "sasl.oauthbearer.jwt.validator.class", Kind::Class, Some("org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator"), Reach::AtStart, Check::Any, "A plug-in that checks tokens."),
    inert(WHY, "sasl.oauthbearer.scope", Kind::Text, None, Reach::AtStart, Check::Any, "The scope that is asked for."),
    inert(WHY, "sasl.oauthbearer.scope.claim.name", Kind::Text, Some("scope"), Reach::AtStart, Check::Any, "The claim that holds the scope."),
    inert(WHY, "sasl.oauthbearer.sub.claim.name", Kind::Text, Some("sub"), Reach::AtStart, Check::Any, "The claim that holds the user."),
    inert(WHY, "sasl.oauthbearer.token.endpoint.url", Kind::Text, None, Reach::AtStart, Check::Any, "Where tokens are fetched."),
];
