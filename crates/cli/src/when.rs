//! Times as people write and read them; inside they are milliseconds since 1970.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, Zoned, tz::TimeZone};

/// Reads `2026-11-22T14:00:00Z`, `2026-11-22 14:00`, `2026-11-22`, `14:00`, `1700000000` (ten digits: seconds), `1700000000000`
/// (milliseconds), or `-5m` (ago). Without a zone, which
/// may be `Z`, `+09:00` or `[Asia/Tokyo]`: this machine's.
pub(crate) fn read(text: &str) -> Option<i64> {
    let text = text.trim();
    if text == "now" {
        return Some(now());
    }
    if let Some(ago) = text.strip_prefix('-').and_then(duration) {
        return Some(now().saturating_sub(ago));
    }
    if text.len() >= 9 && text.bytes().all(|b| b.is_ascii_digit()) {
        let number: i64 = text.parse().ok()?;
        return if text.len() == 10 { number.checked_mul(1000) } else { Some(number) };
    }
    if text.contains('[') {
        // A moment with its zone behind it. The other readings pass over a zone in brackets.
        return Some(text.parse::<Zoned>().ok()?.timestamp().as_millisecond());
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time.as_millisecond());
    }
    let zone = TimeZone::system();
    if let Ok(time) = text.parse::<jiff::civil::DateTime>() {
        return Some(time.to_zoned(zone).ok()?.timestamp().as_millisecond());
    }
    let time = text.parse::<jiff::civil::Time>().ok()?;
    let today = Zoned::now().date().to_datetime(time);
    Some(today.to_zoned(zone).ok()?.timestamp().as_millisecond())
}

/// Reads `500ms`, `90s`, `5m`, `2h`, `7d`, and several of them, `1h30m`, as milliseconds.
pub(crate) fn duration(text: &str) -> Option<i64> {
    let (mut rest, mut sum) = (text, 0_i64);
    loop {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit())?;
        let (count, behind) = rest.split_at(unit_at);
        let next_at = behind.find(|c: char| c.is_ascii_digit()).unwrap_or(behind.len());
        let (unit, next) = behind.split_at(next_at);
        let unit = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" | "min" => 60_000,
            "h" | "hr" => 3_600_000,
            "d" => 86_400_000,
            "w" => 7 * 86_400_000,
            _ => return None,
        };
        sum = sum.checked_add(count.parse::<i64>().ok()?.checked_mul(unit)?)?;
        if next.is_empty() {
            return Some(sum);
        }
        rest = next;
    }
}

/// Reads a length of time as every flag takes it: `500ms`, `90s`, `5m`, `2h`, `7d`, and a number alone is seconds.
pub(crate) fn length(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let seconds = || text.parse::<i64>().ok().and_then(|n| n.checked_mul(1000));
    let millis = duration(text).or_else(seconds).and_then(|ms| u64::try_from(ms).ok());
    millis.map(Duration::from_millis).ok_or_else(|| "write a length of time, such as 30 (seconds), 500ms, 5s or 2m".into())
}

/// RFC 3339 with milliseconds: local time with its offset for a person, UTC for a program.
pub(crate) fn rfc3339(millis: i64, person: bool) -> Option<String> {
    let time = Timestamp::from_millisecond(millis).ok()?;
    let zone = if person { TimeZone::system() } else { TimeZone::UTC };
    let zoned = time.to_zoned(zone);
    let format = if person { "%Y-%m-%dT%H:%M:%S%.3f%:z" } else { "%Y-%m-%dT%H:%M:%S%.3fZ" };
    Some(zoned.strftime(format).to_string())
}

/// As [`rfc3339`] for a person; a moment that no calendar has is its number.
pub(crate) fn show(millis: i64) -> String {
    rfc3339(millis, true).unwrap_or_else(|| millis.to_string())
}

/// The time of day, with the day in front when it is not today.
pub(crate) fn clock(millis: i64) -> String {
    let Ok(time) = Timestamp::from_millisecond(millis) else { return "no time".into() };
    let zoned = time.to_zoned(TimeZone::system());
    let format = if zoned.date() == Zoned::now().date() { "%H:%M:%S%.3f" } else { "%Y-%m-%d %H:%M:%S%.3f" };
    zoned.strftime(format).to_string()
}

/// A length of time in the unit that a person would choose: `900 ms`, `90 s`, `5 min`, `3 h`, `7 days`.
pub(crate) fn span(millis: i64) -> String {
    let ms = SignedDuration::from_millis(millis);
    match ms.as_secs() {
        0 => format!("{millis} ms"),
        s @ 1..120 => format!("{s} s"),
        s @ 120..7200 => format!("{} min", s / 60),
        s @ 7200..172_800 => format!("{} h", s / 3600),
        s => format!("{} days", s / 86_400),
    }
}

pub(crate) fn now() -> i64 {
    Timestamp::now().as_millisecond()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        assert_eq!(read("1970-01-02T00:00:00Z"), Some(86_400_000));
        assert_eq!(read("1970-01-01T01:00:00+01:00"), Some(0));
        assert_eq!(read("1700000000000"), Some(1_700_000_000_000));
        assert!(read("-5m").is_some_and(|t| (now() - t - 300_000).abs() < 1000));
        assert!(read("2026-11-22").is_some() && read("14:00").is_some() && read("2026-11-22 14:00").is_some());
        assert_eq!(read("1970-01-01T09:00[Etc/GMT-9]").or(read("1970-01-01T09:00[+09:00]")), Some(0));
        assert_eq!(read("1970-01-01T09:00[No/Where]"), None);
        assert_eq!(read("1970-01-01T09:00+01:00[+09:00]"), None);
        assert_eq!(read("soon"), None);
        assert_eq!(duration("2h"), Some(7_200_000));
        assert_eq!(read("1700000000"), Some(1_700_000_000_000));
        assert_eq!(duration("1h30m5s"), Some(5_405_000));
        for bad in ["h", "", "1", "1h30", "1h-5m"] {
            assert_eq!(duration(bad), None, "{bad}");
        }
        assert_eq!(length("30"), Ok(Duration::from_secs(30)));
        assert_eq!(length("500ms"), Ok(Duration::from_millis(500)));
        assert!(length("-1").is_err() && length("soon").is_err() && length("").is_err());
        assert_eq!(rfc3339(1, false).as_deref(), Some("1970-01-01T00:00:00.001Z"));
    }
}
