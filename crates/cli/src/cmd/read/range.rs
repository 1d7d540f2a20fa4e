//! Ranges of offset and time as people write them: kcat's, rpk's, and dates.

use clap::Args;
use milena_client::{Cluster, From, OutOfRange, Reader, ReaderConfig, Selection, Until};

use crate::{failure::Failure, when};

/// Which part of a topic.
#[derive(Args, Clone, Debug)]
pub(crate) struct Range {
    /// Range: start, end, :end, N, N:M or N-M (M left out), :N (up to N), +N (N after the start), -N (the last N), @TIME, @TIME:TIME, @:TIME
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    pub(super) offset: Option<String>,
    /// Where to begin: start, now, an offset, +N (after the start), -N (before the end), @TIME
    #[arg(long, value_name = "PLACE", allow_hyphen_values = true, conflicts_with = "offset")]
    pub(super) from: Option<String>,
    /// Partition; may be repeated [default: all]
    #[arg(short, long, allow_negative_numbers = true)]
    partition: Vec<i32>,
    /// Leave out what open or aborted transactions wrote
    #[arg(long)]
    committed: bool,
}

impl Range {
    /// That part of a topic. Following leaves its end open.
    pub(crate) fn of(&self, topic: &str, follow: bool) -> Result<Selection, Failure> {
        let (from, until) = parse(self.offset.as_deref(), self.from.as_deref(), follow)?;
        let partitions = (!self.partition.is_empty()).then(|| self.partition.clone());
        Ok(Selection { topic: topic.into(), partitions, from, until })
    }

    /// Reads it.
    pub(crate) async fn open(&self, cluster: &Cluster, selection: Selection) -> milena_client::Result<Reader> {
        let config = ReaderConfig { committed: self.committed, out_of_range: OutOfRange::Nearest, ..ReaderConfig::default() };
        Reader::open(cluster.clone(), &[selection], config).await
    }
}

/// Reads `--offset` or `--from`. Following leaves the end open.
fn parse(offset: Option<&str>, from: Option<&str>, follow: bool) -> Result<(From, Until), Failure> {
    let text = offset.or(from).unwrap_or("start");
    let (from, until) = range(text).ok_or_else(|| {
        Failure::usage(format!("{text:?} is no range"))
            .why("it takes start, end, N, N:M, :N, :end, +N, -N, @TIME, @TIME:, @:TIME or @TIME:TIME")
            .fix("--offset 10-20   or   --offset @2026-11-22T14:00:00Z   or   --offset @-1h   or   --offset -5")
    })?;
    match until {
        Until::End if follow => Ok((from, Until::Never)),
        Until::Offset(offset) if follow => Ok((from, Until::Awaited(offset))),
        other => Ok((from, other)),
    }
}

fn range(text: &str) -> Option<(From, Until)> {
    if let Some(times) = text.strip_prefix('@') {
        return between(times, when::now());
    }
    if let Some(until) = text.strip_prefix(':') {
        return Some((From::Start, up_to(until)?));
    }
    if let Some(last) = text.strip_prefix('-') {
        return Some((From::Last(number(last)?), Until::End));
    }
    if let Some(after) = text.strip_prefix('+') {
        return Some((From::After(number(after)?), Until::End));
    }
    if let Some((from, until)) = text.split_once(['-', ':']) {
        let until = if until.is_empty() { Until::End } else { up_to(until)? };
        return Some((From::Offset(number(from)?), until));
    }
    match text {
        "start" | "beginning" | "earliest" | "oldest" => Some((From::Start, Until::End)),
        "end" | "now" | "latest" | "newest" => Some((From::End, Until::End)),
        _ => Some((From::Offset(number(text)?), Until::End)),
    }
}

fn up_to(text: &str) -> Option<Until> {
    if text == "end" { Some(Until::End) } else { number(text).map(Until::Offset) }
}

fn number(text: &str) -> Option<i64> {
    text.parse().ok().filter(|n| *n >= 0)
}

/// What stands behind an `@`. Times have colons themselves, so of several ways to cut it the one with the longest first time counts.
fn between(text: &str, now: i64) -> Option<(From, Until)> {
    if let Some((from, until)) = text.split_once("..") {
        return pair(from, until, now);
    }
    if let Some(until) = text.strip_prefix(':') {
        return Some((From::Start, last(until, now)?));
    }
    if let Some((from, _)) = first(text.strip_suffix(':').unwrap_or(text), now) {
        return Some((From::Time(from), Until::End));
    }
    // A bare hour is no half: in 14:00:15:00 it would be mistaken for one.
    let bare = |half: &str| half.len() < 9 && half.bytes().all(|b| b.is_ascii_digit());
    let halves = text.rmatch_indices(':').map(|(at, _)| (&text[..at], &text[at + 1..]));
    halves.filter(|(from, until)| !bare(from) && !bare(until)).find_map(|(from, until)| pair(from, until, now))
}

fn pair(from: &str, until: &str, now: i64) -> Option<(From, Until)> {
    let (from, base) = first(from, now)?;
    Some((From::Time(from), last(until, base)?))
}

/// A first time, and what a length of time behind it counts from: a moment itself, else now.
fn first(text: &str, now: i64) -> Option<(i64, i64)> {
    match text.strip_prefix('-').and_then(when::duration) {
        Some(ago) => Some((now.saturating_sub(ago), now)),
        None => when::read(text).map(|time| (time, time)),
    }
}

fn last(text: &str, base: i64) -> Option<Until> {
    if text == "end" {
        return Some(Until::End);
    }
    let length = match text.strip_prefix('-') {
        Some(before) => when::duration(before).map(|length| base.saturating_sub(length)),
        None => when::duration(text).map(|length| base.saturating_add(length)),
    };
    length.or_else(|| when::read(text)).map(Until::Time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read() {
        assert_eq!(range("start"), Some((From::Start, Until::End)));
        assert_eq!(range("17"), Some((From::Offset(17), Until::End)));
        assert_eq!(range("10-20"), Some((From::Offset(10), Until::Offset(20))));
        assert_eq!(range(":5"), Some((From::Start, Until::Offset(5))));
        assert_eq!(range("-5"), Some((From::Last(5), Until::End)));
        assert_eq!(range("@1000000000000..1000000000001"), Some((From::Time(10_i64.pow(12)), Until::Time(10_i64.pow(12) + 1))));
        assert!(matches!(range("@-1h"), Some((From::Time(_), Until::End))));
        for bad in ["", "x", "5-x", "5:x", "@soon", "--5", "+", "@", "@1h", "@end", "@-1h:soon", "@-1h:-1x", "+-1"] {
            assert_eq!(range(bad), None, "{bad}");
        }
        assert_eq!(parse(None, Some("now"), true).unwrap(), (From::End, Until::Never));
        assert_eq!(parse(Some("5-9"), None, true).unwrap(), (From::Offset(5), Until::Awaited(9)));
    }

    #[test]
    fn rpks_ranges_are_read() {
        assert_eq!(range(":end"), Some((From::Start, Until::End)));
        assert_eq!(range("oldest"), Some((From::Start, Until::End)));
        assert_eq!(range("+3"), Some((From::After(3), Until::End)));
        assert_eq!(range("5:"), Some((From::Offset(5), Until::End)));
        assert_eq!(range("5:end"), Some((From::Offset(5), Until::End)));
        assert_eq!(range("5:9"), Some((From::Offset(5), Until::Offset(9))));
        let now = when::read("2026-11-27T12:00:00Z").unwrap();
        let hour = 3_600_000;
        assert_eq!(between("-48h:-24h", now), Some((From::Time(now - 48 * hour), Until::Time(now - 24 * hour))));
        assert_eq!(between("-1m:end", now), Some((From::Time(now - 60_000), Until::End)));
        assert_eq!(between(":-1h", now), Some((From::Start, Until::Time(now - hour))));
        assert_eq!(between(":end", now), Some((From::Start, Until::End)));
        assert_eq!(between("-1h:", now), Some((From::Time(now - hour), Until::End)));
        assert_eq!(between("-1h30m", now), Some((From::Time(now - hour * 3 / 2), Until::End)));
        // A length of time counts from a moment in front of it.
        let day = when::read("2026-11-27").unwrap();
        assert_eq!(between("2026-11-27:1h", now), Some((From::Time(day), Until::Time(day + hour))));
        assert_eq!(between("2026-11-27T12:00:00Z:1h", 0), Some((From::Time(now), Until::Time(now + hour))));
        assert_eq!(between("2026-11-27T12:00:00Z:2026-11-27T13:00:00Z", 0), Some((From::Time(now), Until::Time(now + hour))));
        // Seconds have ten digits, milliseconds thirteen.
        assert_eq!(between("1700000000:1700000001000", 0), Some((From::Time(1_700_000_000_000), Until::Time(1_700_000_001_000))));
        assert_eq!(between("2026-11-27 12:00:13:00", now).map(|(_, until)| until), when::read("13:00").map(Until::Time));
        let (two, three) = (when::read("14:00").unwrap(), when::read("15:00").unwrap());
        assert_eq!(between("14:00:15:00", now), Some((From::Time(two), Until::Time(three))));
        assert_eq!(between("14:00:30m", now), Some((From::Time(two), Until::Time(two + hour / 2))));
    }
}
