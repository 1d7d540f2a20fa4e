//! `milena group …`: who reads, where they are, and how far behind.

mod history;
mod reset;
mod samples;

use std::{collections::BTreeMap, fmt::Write};

use clap::Subcommand;
use milena_client::{
    Admin, At, Reader, ReaderConfig, Selection, Until,
    admin::{Group, Position},
    wire::Text,
};
use serde_json::{Value, json};

use super::read::{Look, show::Show, unknown_topic};
use crate::{
    connect::{Connect, With},
    failure::{Failure, Kind},
    nearest::nearest,
    screen::{self, Screen, counted, printable},
    table::{self, Output},
    told::Told,
};

pub(crate) type Options = With<What>;

#[derive(Subcommand, Debug)]
pub(crate) enum What {
    /// List groups
    Ls {
        #[arg(short, long, default_value = "table")]
        output: Output,
    },
    /// Show members, positions and lag
    Show {
        group: String,
        /// Where it was before, and when, and who moved it
        #[arg(long)]
        history: bool,
        #[arg(short, long, default_value = "table")]
        output: Output,
    },
    /// Show what a group would read next, without moving it
    Peek {
        group: String,
        /// Only this topic
        topic: Option<String>,
        /// Messages of each partition
        #[arg(short = 'n', long, default_value_t = 10, allow_negative_numbers = true, value_parser = clap::value_parser!(i64).range(0..))]
        count: i64,
        #[command(flatten)]
        look: Look,
    },
    /// Move a group; shows the plan, and does it with --yes
    Reset(reset::Options),
    /// Forget a group and its positions; shows the plan, and does it with --yes
    Rm {
        group: String,
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        told: Told,
    },
}

pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let connect = &options.connect;
    let admin = connect.admin().await?;
    match options.what {
        What::Ls { output } => list(&admin, output).await,
        What::Show { group, history: true, output } => history::show(&admin, &group, output).await,
        What::Show { group, history: false, output } => show(&admin, &group, output).await,
        What::Peek { group, topic, count, look } => peek(&admin, connect, &group, topic.as_deref(), count, &look).await,
        What::Reset(options) => reset::run(&admin, connect, options).await,
        What::Rm { group, yes, told } => remove(&admin, connect, &group, yes, told).await,
    }
}

async fn list(admin: &Admin, output: Output) -> Result<(), Failure> {
    let text = |t: &Text| if t.is_empty() { Value::Null } else { Value::from(&**t) };
    let row = |g: milena_client::admin::GroupListing| json!({"group": &*g.id, "state": text(&g.state), "type": text(&g.kind), "protocol": text(&g.protocol_type), "broker": g.broker});
    let rows = admin.groups().await?.into_iter().map(row).collect();
    table::rows(output, &["group", "state", "type", "protocol", "broker"], rows)
}

/// A group that must be there, with its positions.
async fn find(admin: &Admin, id: &str) -> Result<(Group, Vec<Position>), Failure> {
    let name: Text = id.into();
    let group = match admin.group(&name).await {
        Ok(group) if &*group.state != "Dead" => Some(group),
        Ok(_) => None,
        Err(error) if error.code().is_some_and(|c| c.0 == 69) => None,
        // It was asked for as a group of the newer protocol after the classic answer was that it is not there.
        Err(milena_client::Error::Unsupported { request: "ConsumerGroupDescribe", .. }) => None,
        Err(error) => return Err(error.into()),
    };
    match group {
        Some(group) => Ok((group, admin.positions(&name).await?)),
        None => Err(no_group(admin, id).await),
    }
}

async fn no_group(admin: &Admin, id: &str) -> Failure {
    let failure = Failure::new(Kind::NotFound, format!("group {id:?} does not exist"));
    let known = admin.groups().await.unwrap_or_default();
    if known.iter().any(|group| &*group.id == id && group.kind.eq_ignore_ascii_case("share")) {
        return Failure::new(Kind::Usage, format!("group {id:?} is a share group: it works on queues, and has no positions"))
            .hint("milena queue ls   shows its queues; milena queue show QUEUE   shows how they stand")
            .fix(format!("move it with   POST /q/v1/groups/{id}:reset {{\"to\": \"earliest\"}}"));
    }
    match nearest(id, known.iter().map(|g| &*g.id)) {
        Some(near) => failure.hint(format!("did you mean {near:?}?")).fix(format!("milena group show {near}")),
        None => failure.fix("milena group ls   shows the groups that are there"),
    }
}

/// A topic that a group has not read, or that is not there.
async fn no_position(admin: &Admin, id: &str, topic: &str) -> Failure {
    if let Err(error) = admin.cluster().topic(&topic.into()).await {
        return unknown_topic(admin.cluster(), topic, error).await.0;
    }
    Failure::new(Kind::NotFound, format!("group {id:?} has no position in topic {topic:?}"))
        .hint(format!("milena group show {id}   shows where it has"))
}

/// Start and end of the partitions of positions, in their order. A topic that is gone has none.
async fn ends(admin: &Admin, positions: &[Position], at: At) -> Vec<Option<i64>> {
    let asked: Vec<_> = positions.iter().map(|p| (p.topic.clone(), p.partition, at)).collect();
    if let Ok(found) = admin.cluster().list_offsets(&asked, false).await {
        return found.into_iter().map(|f| f.offset).collect();
    }
    let mut found = Vec::new();
    for one in asked {
        let one = admin.cluster().list_offsets(&[one], false).await;
        found.push(one.ok().and_then(|f| f.first().and_then(|f| f.offset)));
    }
    found
}

async fn show(admin: &Admin, id: &str, output: Output) -> Result<(), Failure> {
    let (group, positions) = find(admin, id).await?;
    let ends = ends(admin, &positions, At::End).await;
    let mut owners: BTreeMap<(&str, i32), &str> = BTreeMap::new();
    for member in &group.members {
        for (topic, partitions) in &member.assigned {
            owners.extend(partitions.iter().map(|p| ((&**topic, *p), &*member.client_id)));
        }
    }
    let row = |(p, end): (&Position, &Option<i64>)| {
        json!({
            "topic": &*p.topic, "partition": p.partition, "position": p.offset, "end": end,
            "lag": end.map(|end| (end - p.offset).max(0)), "reader": owners.get(&(&*p.topic, p.partition)),
        })
    };
    let rows: Vec<Value> = positions.iter().zip(&ends).map(row).collect();
    let lag: i64 = rows.iter().filter_map(|r| r["lag"].as_i64()).sum();
    let columns = ["topic", "partition", "position", "end", "lag", "reader"];
    match output {
        Output::Json | Output::Jsonl => {
            let member = |m: &milena_client::admin::Member| json!({"id": &*m.id, "client": &*m.client_id, "host": &*m.host, "instance": m.instance.as_deref()});
            let members: Vec<Value> = group.members.iter().map(member).collect();
            let whole = json!({"group": id, "state": &*group.state, "assignor": &*group.assignor, "lag": lag, "members": members, "positions": rows});
            if output == Output::Json {
                screen::line(screen::json(format_args!("{whole:#}")))
            } else {
                screen::line(screen::json(whole))
            }
        }
        Output::Csv => table::rows(output, &columns, rows),
        Output::Table => {
            screen::print(&head(&group, lag))?;
            table::rows(output, &columns, rows)
        }
    }
}

fn head(group: &Group, lag: i64) -> String {
    let members = counted(group.members.len() as i64, "member");
    let mut text = format!("{}   {}   {members}   lag {lag}\n", printable(&group.id), group.state);
    for member in &group.members {
        let count: usize = member.assigned.iter().map(|(_, p)| p.len()).sum();
        let (client, id) = (printable(&member.client_id), printable(&member.id));
        let _ = writeln!(text, "  {client}   {}   {}   {id}", member.host, counted(count as i64, "partition"));
    }
    text
}

async fn peek(admin: &Admin, connect: &Connect, id: &str, topic: Option<&str>, count: i64, look: &Look) -> Result<(), Failure> {
    let (_, positions) = find(admin, id).await?;
    if let Some(topic) = topic.filter(|topic| positions.iter().all(|p| *p.topic != **topic)) {
        return Err(no_position(admin, id, topic).await);
    }
    let mut show = Show::new(look.shape()?, Screen::new(), false)?;
    let mut decoder = look.decoder(admin.cluster());
    let mut shown = 0;
    for position in positions.iter().filter(|p| topic.is_none_or(|t| t == &*p.topic)) {
        let selection = Selection {
            topic: position.topic.clone(),
            partitions: Some(vec![position.partition]),
            from: milena_client::From::Offset(position.offset),
            until: Until::End,
        };
        let config = ReaderConfig { out_of_range: milena_client::OutOfRange::Start, ..ReaderConfig::default() };
        let mut reader = Reader::open(admin.cluster().clone(), &[selection], config).await?;
        for _ in 0..count {
            let Some(mut message) = reader.next().await? else { break };
            let meaning = decoder.decode(&mut message).await;
            show.message(&message, &meaning, reader.progress())?;
            shown += 1;
        }
    }
    show.finish()?;
    connect.say(format_args!("{} that {id} has not read yet; its positions did not move", counted(shown, "message")));
    Ok(())
}

async fn remove(admin: &Admin, connect: &Connect, id: &str, yes: bool, told: Told) -> Result<(), Failure> {
    let (group, positions) = find(admin, id).await?;
    let facts = json!({"group": id, "state": &*group.state, "positions": positions.len(), "dry_run": !yes});
    let counted = counted(positions.len() as i64, "position");
    if !yes {
        told.tell(facts, format_args!("plan: group {id} ({}) and its {counted} would be forgotten", group.state))?;
        connect.say("nothing was changed; run again with --yes to do it");
        return Ok(());
    }
    admin.delete_group(&id.into()).await?;
    told.tell(facts, format_args!("forgot group {id} and its {counted}"))
}
