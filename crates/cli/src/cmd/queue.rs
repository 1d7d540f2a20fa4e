//! `milena queue …`: how queues stand, what was given up, and what may be changed about a group that works on them.

mod dead;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Map, Value, json};

use super::{
    loss,
    take::{GROUP, millis},
};
use crate::{
    connect::{Connect, With},
    failure::{Failure, Kind},
    nearest::nearest,
    table::{self, Output},
    told::Told,
    web::{Web, escaped},
    when,
};

pub(crate) type Options = With<What>;

#[derive(Subcommand, Debug)]
pub(crate) enum What {
    /// List queues: every topic that a group takes messages of
    Ls {
        #[arg(short, long, default_value = "table")]
        output: Output,
    },
    /// Show how a queue stands, for each group
    Show {
        /// The topic
        queue: String,
        /// Only this group
        #[arg(short, long)]
        group: Option<String>,
        #[arg(short, long, default_value = "table")]
        output: Output,
    },
    /// Show dead letters: what was given up, and why
    Dead {
        #[command(flatten)]
        pile: Pile,
        /// At most so many
        #[arg(short = 'n', long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=500))]
        count: u64,
        #[arg(short, long, default_value = "table")]
        output: Output,
    },
    /// Put dead letters back to where they came from; shows the plan, and does it with --yes
    Redrive {
        #[command(flatten)]
        pile: Pile,
        /// At most so many
        #[arg(short = 'n', long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=10_000))]
        count: u64,
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        told: Told,
    },
    /// Hand out nothing more to a group; what is being worked on can be settled
    Pause {
        group: String,
        #[command(flatten)]
        told: Told,
    },
    /// Hand out messages again
    Resume {
        group: String,
        #[command(flatten)]
        told: Told,
    },
    /// Change what holds for a group, also before it begins
    Set(Settings),
}

/// Whose dead letters, and where they lie.
#[derive(Args, Debug)]
pub(crate) struct Pile {
    /// The topic that they come from
    queue: String,
    #[arg(short, long, default_value = GROUP)]
    group: String,
    /// The topic that they lie in, if the group's was another one when they were written [default: the group's]
    #[arg(long, value_name = "TOPIC")]
    from: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Settings {
    group: String,
    /// How long a message is kept for its taker: 1s to 7d
    #[arg(long, value_parser = millis, value_name = "TIME")]
    lease: Option<i64>,
    /// Deliveries after which a message is given up: 1 to 1000
    #[arg(long, value_name = "COUNT")]
    deliveries: Option<i64>,
    /// How long a message rests after a failed delivery: 0s to 7d
    #[arg(long, value_parser = millis, value_name = "TIME")]
    delay: Option<i64>,
    /// Whether messages with one key are worked on one at a time, in their order
    #[arg(long)]
    order: Option<Order>,
    /// Where it begins: earliest, latest, or a time such as 2026-11-26T08:00:00Z
    #[arg(long)]
    start: Option<String>,
    /// Whether retention waits for the group in every topic that it works on: true or false
    #[arg(long, value_name = "BOOL")]
    hold_retention: Option<bool>,
    /// Where given-up messages go
    #[arg(long, value_name = "TOPIC")]
    dead_letters: Option<String>,
    /// Also when messages go by it
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    told: Told,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Order {
    None,
    Key,
}

pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let connect = &options.connect;
    let web = Web::of(&connect.cluster().await?, "working with queues").await?;
    match options.what {
        What::Ls { output } => list(&web, output).await,
        What::Show { queue, group, output } => show(&web, connect, &queue, group.as_deref(), output).await,
        What::Dead { pile, count, output } => dead::show(&web, connect, &pile, count, output).await,
        What::Redrive { pile, count, yes, told } => dead::redrive(&web, connect, &pile, count, yes, told).await,
        What::Pause { group, told } => pause(&web, connect, &group, true, told).await,
        What::Resume { group, told } => pause(&web, connect, &group, false, told).await,
        What::Set(settings) => set(&web, connect, &settings).await,
    }
}

async fn list(web: &Web, output: Output) -> Result<(), Failure> {
    let listing = web.get("/q/v1/groups").await?;
    let mut queues: Vec<String> = Vec::new();
    for group in listing["groups"].as_array().into_iter().flatten() {
        queues.extend(group["topics"].as_array().into_iter().flatten().filter_map(|t| t.as_str().map(str::to_owned)));
    }
    queues.sort_unstable();
    queues.dedup();
    let mut rows = Vec::new();
    for queue in &queues {
        rows.extend(standings(web, queue).await?.into_iter().map(|standing| row(&standing, output)));
    }
    table::rows(output, &["queue", "group", "waiting", "in_flight", "done", "given_up", "oldest_waiting"], rows)
}

async fn standings(web: &Web, queue: &str) -> Result<Vec<Value>, Failure> {
    let found = web.get(&format!("/q/v1/topics/{}/groups", escaped(queue))).await?;
    Ok(found["groups"].as_array().cloned().unwrap_or_default())
}

async fn show(web: &Web, connect: &Connect, queue: &str, group: Option<&str>, output: Output) -> Result<(), Failure> {
    let all = standings(web, queue).await?;
    let wanted = |standing: &&Value| group.is_none_or(|group| standing["group"] == group);
    let rows: Vec<Value> = all.iter().filter(wanted).map(|standing| row(standing, output)).collect();
    if let (true, Some(group)) = (rows.is_empty(), group) {
        let failure = Failure::new(Kind::NotFound, format!("no group {group:?} takes messages of {queue}"));
        let near = nearest(group, all.iter().filter_map(|standing| standing["group"].as_str()));
        return Err(match near {
            Some(near) => failure.fix(format!("milena queue show {queue} -g {near}")),
            None => failure.fix(format!("milena take {queue} -g {group}   begins it")),
        });
    }
    table::rows(output, &["group", "waiting", "in_flight", "done", "given_up", "oldest_waiting", "limit"], rows)?;
    if all.is_empty() {
        connect.say(format_args!("no group takes messages of {queue}   (milena take {queue} begins one)"));
    }
    for standing in &all {
        let (group, lost) = (word(standing, "group"), standing["lost_to_retention"].as_i64().unwrap_or(0));
        if lost > 0 {
            connect.say(format_args!("{group}: {lost} went by retention before they were finished"));
        }
        if standing["paused"] == true {
            connect.say(format_args!("{group} is paused   (milena queue resume {group})"));
        }
    }
    Ok(())
}

/// People read a line; programs get everything that there is.
fn row(standing: &Value, output: Output) -> Value {
    let number = |name: &str| standing[name].as_i64().unwrap_or(0);
    let person = output == Output::Table;
    let mut row = if person { json!({}) } else { standing.clone() };
    row["queue"] = standing["topic"].clone();
    row["group"] = standing["group"].clone();
    row["waiting"] = (number("waiting") + number("delayed")).into();
    row["in_flight"] = standing["in_flight"].clone();
    row["done"] = standing["acknowledged"].clone();
    // In all, whatever was sent back since: `queue dead` shows the letters that are there.
    row["given_up"] = (number("dead_letters") + number("dead_letters_waiting")).into();
    row["oldest_waiting"] = match (standing["oldest_ms"].as_i64(), person) {
        (Some(ms), true) => when::span(ms).into(),
        (ms, _) => ms.into(),
    };
    row["limit"] = limit(standing).into();
    row
}

/// `5 deliveries, then dlq.people`
fn limit(standing: &Value) -> String {
    let deliveries = standing["max_deliveries"].as_i64().unwrap_or(0);
    let what = if deliveries == 1 { "delivery" } else { "deliveries" };
    match standing["dead_letter_topic"].as_str() {
        Some(topic) => format!("{deliveries} {what}, then {topic}"),
        None => format!("{deliveries} {what}, then dropped"),
    }
}

async fn pause(web: &Web, connect: &Connect, group: &str, paused: bool, told: Told) -> Result<(), Failure> {
    let verb = if paused { "pause" } else { "resume" };
    web.send("POST", &format!("/q/v1/groups/{}:{verb}", escaped(group)), &json!({})).await?;
    told.tell(json!({"group": group, "paused": paused}), "")?;
    match paused {
        true => connect.say(format_args!("{group} is handed out nothing more   (milena queue resume {group})")),
        false => connect.say(format_args!("{group} is handed out messages again")),
    }
    Ok(())
}

async fn set(web: &Web, connect: &Connect, settings: &Settings) -> Result<(), Failure> {
    let mut wish = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            wish.insert(name.to_owned(), value);
        }
    };
    put("lease_ms", settings.lease.map(Value::from));
    put("max_deliveries", settings.deliveries.map(Value::from));
    put("delay_ms", settings.delay.map(Value::from));
    put("order", settings.order.map(|order| if order == Order::Key { "key" } else { "none" }.into()));
    put("hold_retention", settings.hold_retention.map(Value::from));
    put("start", settings.start.clone().map(Value::from));
    put("dead_letter", settings.dead_letters.as_ref().map(|topic| json!({ "topic": topic })));
    if wish.is_empty() {
        return Err(Failure::usage("nothing is to be changed").fix("milena queue set GROUP --lease 10m --deliveries 3"));
    }
    let mut facts = json!({"group": settings.group, "set": wish, "dry_run": false});
    if settings.hold_retention == Some(false) {
        let losses = loss::of_queue(&connect.admin().await?, &settings.group, settings.yes).await?;
        if !losses.is_empty() {
            return loss::plan(connect, settings.told, facts, &losses);
        }
    }
    let holds = web.send("PUT", &format!("/q/v1/groups/{}", escaped(&settings.group)), &Value::Object(wish)).await?;
    facts["holds"] = holds;
    settings.told.tell(facts, "")?;
    connect.say(format_args!("{} works by that from now on", settings.group));
    Ok(())
}

fn word<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_a_line_for_people_and_everything_for_programs() {
        let standing = json!({
            "topic": "people", "group": "mailer", "waiting": 2, "delayed": 1, "in_flight": 4, "acknowledged": 7,
            "dead_letters": 1, "dead_letters_waiting": 0, "oldest_ms": 90_000, "max_deliveries": 5,
            "dead_letter_topic": "dlq.people", "order": "key",
        });
        let person = row(&standing, Output::Table);
        assert_eq!((&person["waiting"], &person["done"], &person["given_up"]), (&json!(3), &json!(7), &json!(1)));
        assert_eq!((&person["oldest_waiting"], &person["limit"]), (&json!("90 s"), &json!("5 deliveries, then dlq.people")));
        let program = row(&standing, Output::Json);
        assert_eq!((&program["oldest_waiting"], &program["order"]), (&json!(90_000), &json!("key")));
        assert_eq!(limit(&json!({ "max_deliveries": 1 })), "1 delivery, then dropped");
    }
}
