//! `milena copy`: moves in from another Kafka. Topics with their settings, records in their order, where groups are, schemas with
//! their ids. Nothing is written down beside it: what is there already is compared with its source, and copying goes on behind
//! it, so that a run that was broken off is simply run again.

mod map;
mod records;
mod schemas;
mod topics;

use std::{collections::BTreeMap, time::Duration};

use clap::Args;
use milena_client::{Admin, Cluster, Config, Endpoint, admin::Position, wire::Text};
use serde_json::{Value, json};

use self::{map::Map, topics::Wanted};
use crate::{
    config::{Context, Contexts},
    connect::{Connect, PATIENCE},
    failure::{Failure, Kind},
    screen::{self, counted},
    secure::Secure,
    told::{Stream, Told},
};

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Only these topics [default: all but internal ones]
    topics: Vec<Text>,
    /// Where from: HOST:PORT, or the name of a context, which also says how one logs in there
    #[arg(long, value_name = "HOST:PORT")]
    from: String,
    /// Where the schemas come from: the URL of a registry [default: the topic _schemas there, if there is one]
    #[arg(long, value_name = "URL")]
    registry: Option<String>,
    /// Look, and say what would be copied
    #[arg(long)]
    dry_run: bool,
    /// Leave the positions of groups
    #[arg(long)]
    no_groups: bool,
    /// Leave the schemas
    #[arg(long)]
    no_schemas: bool,
    /// Go on with what is written there meanwhile, until Ctrl-C
    #[arg(short = 'F', long)]
    follow: bool,
    #[command(flatten)]
    told: Told,
    #[command(flatten)]
    connect: Connect,
}

/// Both ends.
struct Ends {
    from: Admin,
    to: Admin,
    quiet: bool,
}

/// What CSV has of a topic, the schemas or the groups.
const FIELDS: &[&str] = &["what", "topic", "partitions", "copied", "there", "count"];

/// How often `--follow` looks for more.
const PAUSE: Duration = Duration::from_secs(1);

pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let ends = Ends { from: source(&options).await?, to: options.connect.admin().await?, quiet: options.connect.quiet };
    apart(&ends).await?;
    let names = topics::wanted(&ends.from, &options.topics).await?;
    let told = if options.follow { options.told.endless() } else { options.told };
    if options.dry_run {
        let mut stream = told.stream("topics", topics::PLAN);
        topics::show(&ends, &names, &mut stream).await?;
        return stream.finish(json!({"dry_run": true}), "");
    }
    let mut stream = told.stream("copied", FIELDS);
    if !options.no_schemas {
        schemas::copy(&ends, options.registry.as_deref(), &mut stream).await?;
    }
    let mut prepared = Vec::new();
    for name in names {
        let wanted = topics::prepare(&ends, &name).await?;
        prepared.push((name, wanted));
    }
    let mut maps = Maps::new();
    loop {
        let copied = all(&ends, &prepared, &mut maps, options.follow, &mut stream).await?;
        if !options.no_groups {
            groups(&ends, &maps, &mut stream).await?;
        }
        if !options.follow {
            return stream.finish(json!({"dry_run": false}), "");
        }
        if copied == 0 {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// By topic and partition.
type Maps = BTreeMap<(Text, i32), Map>;

/// Every topic once. How many records were copied.
async fn all(
    ends: &Ends,
    prepared: &[(Text, Wanted)],
    maps: &mut Maps,
    goes_on: bool,
    stream: &mut Stream,
) -> Result<u64, Failure> {
    let mut copied = 0;
    for (name, wanted) in prepared {
        let done = records::copy(ends, name, maps).await?;
        copied += done.copied;
        if !goes_on {
            let refused = topics::finish(ends, name, wanted).await?;
            let mut words = format!(
                "{name}   {} partitions   {} copied, {} were there   {} and CRC agree",
                wanted.partitions,
                done.copied,
                done.there,
                counted(i64::try_from(done.copied + done.there).unwrap_or(i64::MAX), "record"),
            );
            refused.iter().for_each(|why| words += &format!("\n  setting left out: {why}"));
            words += &shifted(name, maps);
            let facts = json!({
                "what": "topic", "topic": &**name, "partitions": wanted.partitions, "copied": done.copied, "there": done.there,
                "settings_left_out": refused, "offsets": offsets(name, maps),
            });
            stream.row(facts, words)?;
        } else if done.copied > 0 {
            let facts = json!({"what": "topic", "topic": &**name, "copied": done.copied, "there": done.there});
            stream.row(facts, format_args!("{name}   {} copied", done.copied))?;
        }
    }
    Ok(copied)
}

/// The map of offsets, where they are not the same.
fn shifted(name: &Text, maps: &Maps) -> String {
    let mut words = String::new();
    for ((_, partition), map) in maps.iter().filter(|((topic, _), map)| topic == name && !map.is_same()) {
        let shown: Vec<String> = map.runs().take(8).map(|(there, here)| format!("{there} → {here}")).collect();
        let more = map.runs().count().saturating_sub(8);
        let more = if more > 0 { format!(", and {more} more runs") } else { String::new() };
        words += &format!("\n  offsets of partition {partition}: {}{more}", shown.join(", "));
    }
    words
}

/// The same for programs: where each run of records begins there and here.
fn offsets(name: &Text, maps: &Maps) -> Vec<Value> {
    let moved = maps.iter().filter(|((topic, _), map)| topic == name && !map.is_same());
    let of = |((_, partition), map): (&(Text, i32), &Map)| {
        let runs: Vec<Value> = map.runs().map(|(there, here)| json!({"there": there, "here": here})).collect();
        json!({"partition": partition, "runs": runs})
    };
    moved.map(of).collect()
}

/// The positions of every group, as offsets here. A group that has members here is left alone.
async fn groups(ends: &Ends, maps: &Maps, stream: &mut Stream) -> Result<(), Failure> {
    let mut moved = 0;
    for group in ends.from.groups().await?.into_iter().filter(|g| matches!(&*g.protocol_type, "" | "consumer")) {
        let translated: Vec<Position> = match ends.from.positions(&group.id).await {
            Ok(positions) => positions.into_iter().filter_map(|p| translate(p, maps)).collect(),
            // One that vanished meanwhile has none.
            Err(_) => continue,
        };
        if translated.is_empty() {
            continue;
        }
        match ends.to.set_positions(&group.id, &translated).await {
            Ok(()) => moved += 1,
            Err(error) => screen::talk(format_args!("group {} is left as it is here: {error}", &*group.id)),
        }
    }
    let facts = json!({"what": "groups", "count": moved});
    match moved {
        0 => Ok(()),
        _ if ends.quiet => stream.quietly(facts),
        _ => stream.row(facts, format_args!("{} moved", counted(moved, "group"))),
    }
}

fn translate(position: Position, maps: &Maps) -> Option<Position> {
    let offset = maps.get(&(position.topic.clone(), position.partition))?.here(position.offset);
    Some(Position { offset, leader_epoch: -1, ..position })
}

/// The other end: an address, or a context with how one logs in there.
async fn source(options: &Options) -> Result<Admin, Failure> {
    let contexts = Contexts::read(options.connect.config_file())?;
    let named: Option<Context> = contexts.of(&options.from).cloned();
    let broker = named.as_ref().and_then(|c| c.broker.clone()).unwrap_or_else(|| options.from.clone());
    let endpoints = Endpoint::list(&broker)
        .map_err(|e| Failure::new(Kind::Usage, format!("--from {broker:?} is no address and no context")).why(e))?;
    let mut config = Config::new(endpoints);
    config.retry.within = PATIENCE;
    if let Some(endpoint) = config.bootstrap.first() {
        config.options.security = Secure::default().settle(named.as_ref(), endpoint, &config.options).await?;
    }
    Ok(Admin::new(Cluster::connect(config).await?))
}

/// A cluster is not copied into itself.
async fn apart(ends: &Ends) -> Result<(), Failure> {
    let (from, to) = (ends.from.metadata().await?, ends.to.metadata().await?);
    match from.cluster_id.is_some() && from.cluster_id == to.cluster_id {
        true => Err(Failure::usage("both addresses are of the same cluster").fix("milena copy --from OTHER:9092 -b HERE:9092")),
        false => Ok(()),
    }
}
