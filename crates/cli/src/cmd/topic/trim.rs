//! `topic trim`: cuts records off at the front. The plan with counts comes first.

use clap::Args;
use milena_client::{Admin, At, wire::Text};
use serde_json::json;

use super::{bounds, topic};
use crate::{
    connect::Connect,
    failure::{Failure, Kind},
    table::{self, Output},
    when,
};

#[derive(Args, Debug)]
pub(crate) struct Options {
    topic: String,
    /// The first that stays: an offset, @TIME, or `end` for nothing
    #[arg(long, value_name = "PLACE")]
    before: String,
    /// Only this partition; may be repeated [default: all]
    #[arg(short, long, allow_negative_numbers = true)]
    partition: Vec<i32>,
    /// Do it: these records are gone for good
    #[arg(long)]
    yes: bool,
    #[arg(short, long, default_value = "table")]
    output: Output,
}

pub(super) async fn run(admin: &Admin, connect: &Connect, options: Options) -> Result<(), Failure> {
    let found = topic(admin.cluster(), &options.topic).await?;
    let all = found.partitions.iter().map(|p| p.index);
    let wanted: Vec<(Text, i32)> =
        all.filter(|p| options.partition.is_empty() || options.partition.contains(p)).map(|p| (found.name.clone(), p)).collect();
    if wanted.is_empty() {
        return Err(Failure::new(Kind::NotFound, format!("{} has no such partition", options.topic)));
    }
    let bounds = bounds(admin.cluster(), &wanted).await?;
    let cuts = cuts(admin, &options.before, &wanted, &bounds).await?;
    let row = |n: usize| {
        let ((start, end), cut) = (bounds[n], cuts[n]);
        json!({"partition": wanted[n].1, "start": start, "new_start": cut, "goes": cut - start, "stays": end - cut, "dry_run": !options.yes})
    };
    table::rows(options.output, &["partition", "start", "new_start", "goes", "stays"], (0..wanted.len()).map(row).collect())?;
    let goes: i64 = bounds.iter().zip(&cuts).map(|((start, _), cut)| cut - start).sum();
    if !options.yes {
        connect.say(format_args!("{goes} messages would go for good; nothing was changed, run again with --yes to do it"));
        return Ok(());
    }
    let before = wanted.into_iter().zip(&cuts).zip(&bounds).filter(|((_, cut), (start, _))| *cut > start);
    let before: Vec<_> = before.map(|(((t, p), cut), _)| (t, p, *cut)).collect();
    admin.delete_records(&before).await?;
    connect.say(format_args!("{} gone", if goes == 1 { "1 message is".into() } else { format!("{goes} messages are") }));
    Ok(())
}

/// The new start of each partition, never outside of what it has.
async fn cuts(admin: &Admin, before: &str, wanted: &[(Text, i32)], bounds: &[(i64, i64)]) -> Result<Vec<i64>, Failure> {
    let inside = |place: i64, (start, end): (i64, i64)| place.clamp(start, end);
    if before == "end" {
        return Ok(bounds.iter().map(|(_, end)| *end).collect());
    }
    if let Some(time) = before.strip_prefix('@').and_then(when::read) {
        let asked: Vec<_> = wanted.iter().map(|(t, p)| (t.clone(), *p, At::Time(time))).collect();
        let found = admin.cluster().list_offsets(&asked, false).await?;
        return Ok(found.iter().zip(bounds).map(|(f, b)| inside(f.offset.unwrap_or(b.1), *b)).collect());
    }
    let offset: i64 = before.parse().ok().filter(|n| *n >= 0).ok_or_else(|| {
        Failure::usage(format!("--before {before:?} is no place")).fix("--before 17   or   --before @-7d   or   --before end")
    })?;
    Ok(bounds.iter().map(|b| inside(offset, *b)).collect())
}
