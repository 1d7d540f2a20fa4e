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

use self::{map::Map, topics::Wanted};
use crate::{
    config::{Context, Contexts},
    connect::{Connect, PATIENCE},
    failure::{Failure, Kind},
    screen::{self, counted},
    secure::Secure,
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
    connect: Connect,
}

/// Both ends.
struct Ends {
    from: Admin,
    to: Admin,
    quiet: bool,
}

/// How often `--follow` looks for more.
const PAUSE: Duration = Duration::from_secs(1);

pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let ends = Ends { from: source(&options).await?, to: options.connect.admin().await?, quiet: options.connect.quiet };
    apart(&ends).await?;
    let names = topics::wanted(&ends.from, &options.topics).await?;
    if options.dry_run {
        return topics::show(&ends, &names).await;
    }
    if !options.no_schemas {
        schemas::copy(&ends, options.registry.as_deref()).await?;
    }
    let mut prepared = Vec::new();
    for name in names {
        let wanted = topics::prepare(&ends, &name).await?;
        prepared.push((name, wanted));
    }
    let mut maps = Maps::new();
    loop {
        let copied = all(&ends, &prepared, &mut maps, options.follow).await?;
        if !options.no_groups {
            groups(&ends, &maps).await?;
        }
        if !options.follow {
            return Ok(());
        }
        if copied == 0 {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// By topic and partition.
type Maps = BTreeMap<(Text, i32), Map>;

/// Every topic once. How many records were copied.
async fn all(ends: &Ends, prepared: &[(Text, Wanted)], maps: &mut Maps, goes_on: bool) -> Result<u64, Failure> {
    let mut copied = 0;
    for (name, wanted) in prepared {
        let done = records::copy(ends, name, maps).await?;
        copied += done.copied;
        if !goes_on {
            let refused = topics::finish(ends, name, wanted).await?;
            screen::line(format_args!(
                "{name}   {} partitions   {} copied, {} were there   {} and CRC agree",
                wanted.partitions,
                done.copied,
                done.there,
                counted(i64::try_from(done.copied + done.there).unwrap_or(i64::MAX), "record"),
            ))?;
            for words in refused {
                screen::line(format_args!("  setting left out: {words}"))?;
            }
            shifted(name, maps)?;
        } else if done.copied > 0 {
            screen::line(format_args!("{name}   {} copied", done.copied))?;
        }
    }
    Ok(copied)
}

/// The map of offsets, where they are not the same.
fn shifted(name: &Text, maps: &Maps) -> Result<(), Failure> {
    for ((_, partition), map) in maps.iter().filter(|((topic, _), map)| topic == name && !map.is_same()) {
        let shown: Vec<String> = map.runs().take(8).map(|(there, here)| format!("{there} → {here}")).collect();
        let more = map.runs().count().saturating_sub(8);
        let more = if more > 0 { format!(", and {more} more runs") } else { String::new() };
        screen::line(format_args!("  offsets of partition {partition}: {}{more}", shown.join(", ")))?;
    }
    Ok(())
}

/// The positions of every group, as offsets here. A group that has members here is left alone.
async fn groups(ends: &Ends, maps: &Maps) -> Result<(), Failure> {
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
            Err(error) => eprintln!("group {} is left as it is here: {error}", &*group.id),
        }
    }
    if moved > 0 && !ends.quiet {
        screen::line(format_args!("{} moved", counted(moved, "group")))?;
    }
    Ok(())
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
