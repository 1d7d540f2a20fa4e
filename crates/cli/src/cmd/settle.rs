//! `milena ack`, `nack` and `extend`: what became of taken messages. A lease says by itself which message of which group it
//! is; nothing else has to be remembered.

use clap::Args;
use serde_json::{Value, json};

use super::take::millis;
use crate::{
    connect::Connect,
    failure::{Failure, Kind},
    screen::{counted, print},
    told::Told,
    web::{Web, escaped},
    when,
};

/// Leases on the command line, or on stdin: alone, or as `milena take` printed them.
#[derive(Args, Debug)]
struct Leases {
    /// Leases as `milena take` gave them; - reads them from stdin, also whole lines of `milena take`
    #[arg(required = true, value_name = "LEASE")]
    leases: Vec<String>,
    #[command(flatten)]
    told: Told,
}

#[derive(Args, Debug)]
pub(crate) struct AckOptions {
    #[command(flatten)]
    leases: Leases,
    #[command(flatten)]
    connect: Connect,
}

#[derive(Args, Debug)]
pub(crate) struct NackOptions {
    #[command(flatten)]
    leases: Leases,
    /// Not before so long
    #[arg(long, value_parser = millis, value_name = "TIME", conflicts_with = "reject")]
    delay: Option<i64>,
    /// It cannot be done at all: to the dead letters
    #[arg(long)]
    reject: bool,
    /// Why, for the dead letter
    #[arg(long, requires = "reject")]
    reason: Option<String>,
    #[command(flatten)]
    connect: Connect,
}

#[derive(Args, Debug)]
pub(crate) struct ExtendOptions {
    #[command(flatten)]
    leases: Leases,
    /// From now [default: what the group's settings say]
    #[arg(long = "for", value_parser = millis, value_name = "TIME")]
    length: Option<i64>,
    #[command(flatten)]
    connect: Connect,
}

/// What is said of a lease.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verb {
    Ack,
    Release,
    Reject,
    Extend,
}

impl Verb {
    fn name(self) -> &'static str {
        match self {
            Self::Ack => "ack",
            Self::Release => "release",
            Self::Reject => "reject",
            Self::Extend => "extend",
        }
    }
}

/// Says it, and waits until it is on disk.
pub(crate) async fn say(web: &Web, lease: &str, verb: Verb, words: &Value) -> Result<Value, Failure> {
    web.send("POST", &format!("/q/v1/leases/{}:{}", escaped(lease), verb.name()), words).await
}

pub(crate) async fn ack(options: AckOptions) -> Result<(), Failure> {
    let count = each(&options.connect, &options.leases, Verb::Ack, &json!({})).await?.len();
    options.connect.say(format_args!("acknowledged {}", counted(count as i64, "message")));
    Ok(())
}

pub(crate) async fn nack(options: NackOptions) -> Result<(), Failure> {
    let (verb, words, what) = match (options.reject, options.delay) {
        (true, _) => (Verb::Reject, json!({ "reason": options.reason }), "rejected".to_owned()),
        (false, Some(delay)) => (Verb::Release, json!({ "delay_ms": delay }), format!("released in {}", when::span(delay))),
        (false, None) => (Verb::Release, json!({}), "released".to_owned()),
    };
    let count = each(&options.connect, &options.leases, verb, &words).await?.len();
    options.connect.say(format_args!("{what}: {}", counted(count as i64, "message")));
    Ok(())
}

/// Prints the new leases: the old ones have ended.
pub(crate) async fn extend(options: ExtendOptions) -> Result<(), Failure> {
    let words = options.length.map_or_else(|| json!({}), |ms| json!({ "lease_ms": ms }));
    for outcome in each(&options.connect, &options.leases, Verb::Extend, &words).await? {
        let until = outcome["lease_expires_at"].as_i64().map(when::show).unwrap_or_default();
        options.connect.say(format_args!("kept until {until}"));
    }
    Ok(())
}

/// All of them are tried, and told one by one: of those that were extended, people see the new lease. The first failure is the
/// command's.
async fn each(connect: &Connect, said: &Leases, verb: Verb, words: &Value) -> Result<Vec<Value>, Failure> {
    let leases = said.read()?;
    let web = Web::of(&connect.cluster().await?, "settling messages").await?;
    let (mut outcomes, mut failure, mut rows) = (Vec::new(), None, Vec::new());
    for lease in leases {
        match say(&web, &lease, verb, words).await {
            Ok(outcome) => {
                rows.push(row(lease, verb, None, &outcome));
                outcomes.push(outcome);
            }
            Err(error) => {
                rows.push(row(lease, verb, Some(error.what().to_string()), &Value::Null));
                failure = failure.or(Some(error));
            }
        }
    }
    let all = rows.len();
    match said.told.is_words() {
        true => print(&outcomes.iter().filter_map(|o| Some(format!("{}\n", o["new_lease"].as_str()?))).collect::<String>())?,
        false => said.told.rows(&["lease", "verb", "done", "error", "new_lease", "lease_expires_at"], rows)?,
    }
    match failure {
        None => Ok(outcomes),
        Some(failure) => {
            if !outcomes.is_empty() {
                connect.say(format_args!("{} of {} went through", outcomes.len(), all));
            }
            Err(failure)
        }
    }
}

/// What became of one lease, with whatever the broker told.
fn row(lease: String, verb: Verb, error: Option<String>, outcome: &Value) -> Value {
    let mut row = json!({"lease": lease, "verb": verb.name(), "done": error.is_none(), "error": error});
    for (name, value) in outcome.as_object().into_iter().flatten() {
        row[name] = value.clone();
    }
    row
}

impl Leases {
    fn read(&self) -> Result<Vec<String>, Failure> {
        if self.leases.iter().all(|lease| lease != "-") {
            return Ok(self.leases.clone());
        }
        let text = std::io::read_to_string(std::io::stdin())
            .map_err(|error| Failure::new(Kind::Failed, "stdin cannot be read").why(error))?;
        let read: Vec<String> = text.lines().filter_map(lease_of).collect();
        match read.is_empty() {
            true => Err(Failure::usage("there is no lease on stdin").fix("milena take QUEUE | milena ack -")),
            false => Ok(read),
        }
    }
}

/// A line of `milena take`, or a lease alone.
fn lease_of(line: &str) -> Option<String> {
    let line = line.trim();
    match serde_json::from_str::<Value>(line) {
        Ok(message) if message.is_object() => message["lease"].as_str().map(str::to_owned),
        _ => (!line.is_empty()).then(|| line.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::lease_of;

    #[test]
    fn leases_are_read_alone_and_from_messages() {
        assert_eq!(lease_of(" AQ_-z \n").as_deref(), Some("AQ_-z"));
        assert_eq!(lease_of(r#"{"id":"a/0/1","lease":"AQ"}"#).as_deref(), Some("AQ"));
        assert_eq!((lease_of("  "), lease_of("{}")), (None, None));
    }
}
