//! Names of Java classes, and settings of what they would do.

use crate::settings::setting::{Check, Kind, Reach, Setting, inert};

const WHY: &str = "The broker is one binary that loads no classes: a plug-in, provider, policy or reporter that is named here is never called. Metrics are at /metrics.";

#[rustfmt::skip]
pub(super) const SETTINGS: &[Setting] = &[
    inert(WHY, "alter.config.policy.class.name", Kind::Class, None, Reach::AtStart, Check::Any, "A plug-in that judges changes of settings."),
    inert(WHY, "authorizer.class.name", Kind::Text, Some(""), Reach::AtStart, Check::Any, "A plug-in that judges rights."),
    inert(WHY, "config.providers", Kind::List, Some(""), Reach::Cluster, Check::Any, "Plug-ins that supply values of other settings."),
    inert(WHY, "create.topic.policy.class.name", Kind::Class, None, Reach::AtStart, Check::Any, "A plug-in that judges new topics."),
    inert(WHY, "kafka.metrics.polling.interval.secs", Kind::Int, Some("10"), Reach::AtStart, Check::AtLeast(1), "How often older metrics reporters are called."),
    inert(WHY, "kafka.metrics.reporters", Kind::List, Some(""), Reach::AtStart, Check::Any, "Older plug-ins that report metrics."),
    inert(WHY, "metric.reporters", Kind::List, Some("org.apache.kafka.common.metrics.JmxReporter"), Reach::Cluster, Check::Any, "Plug-ins that report metrics."),
    inert(WHY, "metrics.num.samples", Kind::Int, Some("2"), Reach::AtStart, Check::AtLeast(1), "How many samples a metric is computed from."),
    inert(WHY, "metrics.recording.level", Kind::Text, Some("INFO"), Reach::AtStart, Check::Any, "How detailed metrics are."),
    inert(WHY, "metrics.sample.window.ms", Kind::Long, Some("30000"), Reach::AtStart, Check::AtLeast(1), "How long each sample of a metric is."),
    inert(WHY, "principal.builder.class", Kind::Class, Some("org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder"), Reach::Broker, Check::Any, "A plug-in that names the user of a connection."),
    inert(WHY, "security.providers", Kind::Text, None, Reach::AtStart, Check::Any, "Java security providers."),
    inert(WHY, "telemetry.max.bytes", Kind::Int, Some("1048576"), Reach::AtStart, Check::AtLeast(1), "How large a client's metrics report may be; reports are not asked for."),
];
