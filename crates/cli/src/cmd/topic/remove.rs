//! `topic rm` and `topic restore`. Deleting is undone for a day on a Milena; elsewhere, and with `--now`, it is for good.

use clap::Args;
use milena_client::{Admin, wire::Text};
use serde_json::json;

use super::{bounds, id, topic};
use crate::{
    connect::Connect,
    failure::{Failure, Kind},
    ours::Ours,
    screen::counted,
    told::Told,
    web::Web,
};

#[derive(Args, Debug)]
pub(crate) struct Options {
    topic: String,
    /// For good: it cannot be restored, and its space is free at once. Also takes a deleted topic, by name or id
    #[arg(long)]
    now: bool,
    /// Do it, although it is for good
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    told: Told,
}

pub(super) async fn run(admin: &Admin, connect: &Connect, options: Options) -> Result<(), Failure> {
    if options.now {
        return purge(admin, connect, &options).await;
    }
    let found = topic(admin.cluster(), &options.topic).await?;
    let ours = Ours::ask(admin.cluster()).await?;
    if ours.is_none() && !options.yes {
        let messages = messages(admin, &found).await?;
        let facts = json!({
            "topic": options.topic, "id": id(&found), "messages": messages, "for_good": true, "dry_run": true,
        });
        let words = format!("plan: {messages} messages of {} would go for good: this broker cannot undo a deletion", found.name);
        options.told.tell(facts, words)?;
        connect.say("nothing was changed; run again with --yes to do it");
        return Ok(());
    }
    admin.delete_topic(&found.name).await?;
    let facts = json!({"topic": options.topic, "id": id(&found), "for_good": ours.is_none(), "dry_run": false});
    options.told.tell(facts, format_args!("deleted {}", options.topic))?;
    match ours {
        None => {}
        Some(Ours { http: None, .. }) => connect.say(format_args!(
            "it is kept for a day; milena topic restore {} needs the broker's HTTP door, and that is off (serve --http)",
            options.topic
        )),
        Some(_) => connect.say(format_args!("undo within a day:  milena topic restore {}", options.topic)),
    }
    Ok(())
}

async fn messages(admin: &Admin, found: &milena_client::Topic) -> Result<i64, Failure> {
    let partitions: Vec<(Text, i32)> = found.partitions.iter().map(|p| (found.name.clone(), p.index)).collect();
    Ok(bounds(admin.cluster(), &partitions).await?.iter().map(|(start, end)| end - start).sum())
}

async fn purge(admin: &Admin, connect: &Connect, options: &Options) -> Result<(), Failure> {
    let web = Web::of(admin.cluster(), "deleting a topic for good").await.map_err(|f| f.fix("milena topic rm without --now"))?;
    if !options.yes {
        // A topic that was deleted before is known to the admin route only, which does not count.
        let found = admin.cluster().topic(&options.topic.as_str().into()).await.ok();
        let messages = match &found {
            Some(found) => Some(messages(admin, found).await?),
            None => None,
        };
        let facts = json!({
            "topic": options.topic, "id": found.as_deref().map(id), "messages": messages, "for_good": true, "dry_run": true,
        });
        options.told.tell(facts, format_args!("plan: {} would go for good, with everything in it", options.topic))?;
        connect.say("nothing was changed; run again with --yes to do it");
        return Ok(());
    }
    for_good(&web, &options.topic).await?;
    let facts = json!({"topic": options.topic, "for_good": true, "dry_run": false});
    options.told.tell(facts, format_args!("deleted {} for good", options.topic))
}

/// Without the day in which it could be restored.
pub(in crate::cmd) async fn for_good(web: &Web, topic: &str) -> Result<(), Failure> {
    web.call("DELETE", &format!("/admin/v1/topics/{}?now=true", segment(topic)?)).await.map(drop)
}

pub(super) async fn restore(admin: &Admin, topic: &str, name: Option<&str>, told: Told) -> Result<(), Failure> {
    let web = Web::of(admin.cluster(), "restoring a topic").await?;
    let query = name.map(|n| Ok::<_, Failure>(format!("?as={}", segment(n)?))).transpose()?.unwrap_or_default();
    let outcome = web.call("POST", &format!("/admin/v1/topics/{}/restore{query}", segment(topic)?)).await;
    let restored = outcome.map_err(|failure| match failure.kind() {
        Kind::NotFound => failure.fix("milena topic ls --deleted   shows what can be restored"),
        Kind::Exists => failure.fix(format!("milena topic restore {topic} --as NAME")),
        _ => failure,
    })?;
    let (name, partitions) = (restored["name"].as_str().unwrap_or(topic), restored["partitions"].as_i64().unwrap_or(0));
    let facts = json!({"topic": name, "id": restored["id"], "partitions": partitions, "restored": topic});
    told.tell(facts, format_args!("restored {name}   {}", counted(partitions, "partition")))
}

/// A name as a part of a path. Names and ids of topics need no escapes; anything else cannot be one.
fn segment(name: &str) -> Result<&str, Failure> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if !name.is_empty() && name.chars().all(legal) {
        return Ok(name);
    }
    Err(Failure::usage(format!("{name:?} cannot be a topic"))
        .why("topics are named with letters, digits, dots, underscores and dashes"))
}
