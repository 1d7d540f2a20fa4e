//! `group reset`: moves a group without members. The plan, with how many messages would be read again or skipped, comes first.

use clap::Args;
use milena_client::{Admin, At, admin::Position, wire::Text};
use serde_json::json;

use super::{
    ends,
    samples::{self, Move},
};
use crate::{
    connect::Connect,
    failure::{Failure, Kind},
    screen::counted,
    table::{self, Output},
    web::Web,
    when,
};

#[derive(Args, Debug)]
pub(crate) struct Options {
    group: String,
    /// Only this topic; also one that the group has not read yet [default: all where it has positions]
    topic: Option<String>,
    /// Only this partition; may be repeated
    #[arg(short, long, allow_negative_numbers = true)]
    partition: Vec<i32>,
    /// Where to: start, end, an offset, -N (before the end), @TIME
    #[arg(long, value_name = "PLACE", allow_hyphen_values = true, required_unless_present_any = ["undo", "to_before_time", "to_before_crash"])]
    to: Option<String>,
    /// Where each partition was before it came to where it is
    #[arg(long, conflicts_with_all = ["to", "to_before_time", "to_before_crash"])]
    undo: bool,
    /// Where each partition was at @TIME
    #[arg(long, value_name = "@TIME", allow_hyphen_values = true, conflicts_with = "to")]
    to_before_time: Option<String>,
    /// Where each partition was when the broker crashed, if it has not been restarted since
    #[arg(long, conflicts_with_all = ["to", "to_before_time"])]
    to_before_crash: bool,
    /// Do it
    #[arg(long)]
    yes: bool,
    #[arg(short, long, default_value = "table")]
    output: Output,
}

/// A place that each partition has for itself.
#[derive(Clone, Copy)]
enum Place {
    At(At),
    Offset(i64),
    Last(i64),
}

pub(super) async fn run(admin: &Admin, connect: &Connect, options: Options) -> Result<(), Failure> {
    let now = now(admin, &options).await?;
    all_found(&options, &now)?;
    let (now, goals) = match &options.to {
        Some(to) => {
            let goals = goals(admin, &now, place(to)?).await?;
            (now, goals.into_iter().map(Some).collect())
        }
        None => past(admin, &options, now).await?,
    };
    let (mut moved, mut rows, mut moves) = (Vec::new(), Vec::new(), Vec::new());
    let stay = goals.iter().filter(|goal| goal.is_none()).count();
    for ((position, known), goal) in now.iter().zip(goals) {
        let steps = goal.map_or(0, |goal| goal - position.offset);
        rows.push(json!({
            "topic": &*position.topic, "partition": position.partition,
            "position": known.then_some(position.offset), "new_position": goal.unwrap_or(position.offset),
            "again": (-steps).max(0), "skipped": steps.max(0), "dry_run": !options.yes,
        }));
        let Some(goal) = goal else { continue };
        let (topic, partition) = (position.topic.to_string(), position.partition);
        moves.push(Move { topic, partition, from: position.offset, to: goal });
        moved.push(Position { offset: goal, leader_epoch: -1, ..position.clone() });
    }
    table::rows(options.output, &["topic", "partition", "position", "new_position", "again", "skipped"], rows)?;
    if stay > 0 {
        let stay = counted(stay as i64, "partition");
        connect.say(format_args!("{stay} not moved: the history does not go back that far   (--to names a place for all)"));
    }
    if !options.yes {
        samples::say(connect, admin.cluster(), &moves).await;
        members(admin, connect, &options.group).await;
        connect.say("nothing was changed; run again with --yes to do it");
        return Ok(());
    }
    admin.set_positions(&options.group.as_str().into(), &moved).await.map_err(|error| {
        let has_members = error.code().is_some_and(|c| c.0 == 25);
        let failure = Failure::from(error);
        if !has_members {
            return failure;
        }
        Failure::new(Kind::Exists, format!("group {:?} has members, which would not notice the move", options.group))
            .fix(format!("stop its consumers first; milena group show {} names them", options.group))
    })?;
    connect.say(format_args!("{} moved", counted(moved.len() as i64, "position")));
    Ok(())
}

/// A plan for a group that is being read for says what would come of it.
async fn members(admin: &Admin, connect: &Connect, group: &str) {
    let count = admin.group(&group.into()).await.map_or(0, |group| group.members.len());
    if count > 0 {
        let members = counted(count as i64, "member");
        connect.say(format_args!("the group has {members} now, so --yes will be refused: stop its consumers first"));
    }
}

/// Partitions that were asked for and that nothing is known of.
fn all_found(options: &Options, found: &[(Position, bool)]) -> Result<(), Failure> {
    let (group, of) = (&options.group, options.topic.as_ref());
    let missing = options.partition.iter().find(|wanted| found.iter().all(|(position, _)| position.partition != **wanted));
    match (missing, of) {
        (Some(partition), Some(topic)) => {
            Err(Failure::new(Kind::NotFound, format!("topic {topic:?} has no partition {partition}"))
                .fix(format!("milena topic show {topic}   shows which it has")))
        }
        (Some(partition), None) => {
            Err(Failure::new(Kind::NotFound, format!("group {group:?} has no position in a partition {partition}"))
                .fix(format!("milena group reset {group} TOPIC --partition {partition} --to start")))
        }
        (None, _) if found.is_empty() => Err(Failure::new(Kind::NotFound, format!("group {group:?} has no positions to move"))
            .fix(format!("milena group reset {group} TOPIC --to start"))),
        (None, _) => Ok(()),
    }
}

/// Goals from the group's own history. A partition whose history does not go back that far has none, and stays.
async fn past(
    admin: &Admin,
    options: &Options,
    now: Vec<(Position, bool)>,
) -> Result<(Vec<(Position, bool)>, Vec<Option<i64>>), Failure> {
    let time = match &options.to_before_time {
        None if options.to_before_crash => Some(crash(admin).await?),
        None => None,
        Some(text) => Some(when::read(text.strip_prefix('@').unwrap_or(text)).ok_or_else(|| {
            Failure::usage(format!("--to-before-time {text:?} is no time"))
                .fix("--to-before-time @-1h   or   --to-before-time @2026-05-01T12:00")
        })?),
    };
    let history = super::history::of(admin, &options.group).await?;
    let goal = |position: &Position| {
        let steps = history.iter().find(|s| s.topic == *position.topic && s.partition == position.partition)?;
        time.map_or_else(|| steps.before(), |time| steps.at(time))
    };
    // Where the group has no position there is nothing to go back from.
    let now: Vec<(Position, bool)> = now.into_iter().filter(|(_, known)| *known).collect();
    let goals: Vec<Option<i64>> = now.iter().map(|(position, _)| goal(position)).collect();
    if goals.iter().all(Option::is_none) {
        return Err(Failure::new(Kind::NotFound, "the history does not go back that far")
            .fix(format!("milena group show {} --history", options.group)));
    }
    Ok((now, goals))
}

/// When the broker came back from the crash that ended its last run. Nothing was committed between the crash and that. What
/// was before that run is not remembered.
async fn crash(admin: &Admin) -> Result<i64, Failure> {
    let status = Web::of(admin.cluster(), "the last crash").await?.get("/admin/v1/status").await?;
    match (status["recovered"]["clean"].as_bool(), status["started_at"].as_i64()) {
        (Some(false), Some(at)) => Ok(at),
        _ => Err(Failure::new(Kind::NotFound, "the broker's last stop was in order, and crashes before that are not remembered")
            .hint("its log, and each position's time in milena group show GROUP --history, tell when it was")
            .fix("milena group reset GROUP --to-before-time @TIME   or   --undo")),
    }
}

fn place(text: &str) -> Result<Place, Failure> {
    let number = |t: &str| t.parse::<i64>().ok().filter(|n| *n >= 0);
    let place = match text {
        "start" | "earliest" => Some(Place::At(At::Start)),
        "end" | "now" | "latest" => Some(Place::At(At::End)),
        _ => match (text.strip_prefix('@'), text.strip_prefix('-')) {
            (Some(time), _) => when::read(time).map(|t| Place::At(At::Time(t))),
            (_, Some(last)) => number(last).map(Place::Last),
            _ => number(text).map(Place::Offset),
        },
    };
    place.ok_or_else(|| {
        Failure::usage(format!("--to {text:?} is no place"))
            .fix("--to start   or   --to end   or   --to 17   or   --to -10   or   --to @-1h")
    })
}

/// Where the group is now in what was asked for; the flag says whether it has a position there at all.
async fn now(admin: &Admin, options: &Options) -> Result<Vec<(Position, bool)>, Failure> {
    let positions = match super::find(admin, &options.group).await {
        Ok((_, positions)) => positions,
        // A group may be given positions before it first reads.
        Err(failure) if failure.kind() == Kind::NotFound && options.topic.is_some() => Vec::new(),
        Err(failure) => return Err(failure),
    };
    let wanted = |p: i32| options.partition.is_empty() || options.partition.contains(&p);
    let Some(name) = &options.topic else {
        return Ok(positions.into_iter().filter(|p| wanted(p.partition)).map(|p| (p, true)).collect());
    };
    let topic = match admin.cluster().topic(&name.as_str().into()).await {
        Ok(topic) => topic,
        Err(error) => return Err(crate::cmd::read::no_topic(admin.cluster(), name, error).await),
    };
    let position = |partition: i32| {
        let known = positions.iter().find(|p| p.topic == topic.name && p.partition == partition);
        let none = || Position { topic: topic.name.clone(), partition, offset: 0, leader_epoch: -1, metadata: Text::default() };
        (known.cloned().unwrap_or_else(none), known.is_some())
    };
    Ok(topic.partitions.iter().map(|p| p.index).filter(|p| wanted(*p)).map(position).collect())
}

async fn goals(admin: &Admin, now: &[(Position, bool)], place: Place) -> Result<Vec<i64>, Failure> {
    let positions: Vec<Position> = now.iter().map(|(p, _)| p.clone()).collect();
    let (starts, ends_) = (ends(admin, &positions, At::Start).await, ends(admin, &positions, At::End).await);
    let asked = match place {
        Place::At(at @ At::Time(_)) => ends(admin, &positions, at).await,
        _ => vec![None; positions.len()],
    };
    let goal = |n: usize| {
        let position = &positions[n];
        let (Some(start), Some(end)) = (starts[n], ends_[n]) else {
            return Err(Failure::new(Kind::NotFound, format!("{}/{} is not there any more", position.topic, position.partition)));
        };
        Ok(match place {
            Place::At(At::Start) => start,
            Place::At(At::Time(_)) => asked[n].unwrap_or(end),
            Place::At(_) => end,
            Place::Offset(offset) => offset.clamp(start, end),
            Place::Last(count) => end.saturating_sub(count).max(start),
        })
    };
    (0..positions.len()).map(goal).collect()
}
