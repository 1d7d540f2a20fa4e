//! Ranges of offset and time as people write them: kcat's, rpk's, and dates.

use milena_client::{From, Until};

use crate::{failure::Failure, when};

/// Reads `--offset` or `--from`. Following leaves the end open.
pub(super) fn parse(offset: Option<&str>, from: Option<&str>, follow: bool) -> Result<(From, Until), Failure> {
    let text = offset.or(from).unwrap_or("start");
    let (from, until) = range(text).ok_or_else(|| {
        Failure::usage(format!("{text:?} is no range"))
            .why("it takes start, end, N, N-M, :N, +N, -N, @TIME or @TIME..TIME")
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
        return match times.split_once("..") {
            Some((from, until)) => Some((From::Time(when::read(from)?), Until::Time(when::read(until)?))),
            None => Some((From::Time(when::read(times)?), Until::End)),
        };
    }
    if let Some(until) = text.strip_prefix(':') {
        return Some((From::Start, Until::Offset(number(until)?)));
    }
    if let Some(last) = text.strip_prefix('-') {
        return Some((From::Last(number(last)?), Until::End));
    }
    if let Some((from, until)) = text.split_once(['-', ':']) {
        let until = if until.is_empty() { Until::End } else { Until::Offset(number(until)?) };
        return Some((From::Offset(number(from)?), until));
    }
    match text {
        "start" | "beginning" | "earliest" => Some((From::Start, Until::End)),
        "end" | "now" | "latest" => Some((From::End, Until::End)),
        _ => Some((From::Offset(number(text.strip_prefix('+').unwrap_or(text))?), Until::End)),
    }
}

fn number(text: &str) -> Option<i64> {
    text.parse().ok().filter(|n| *n >= 0)
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
        for bad in ["", "x", "5-x", "@soon", "--5"] {
            assert_eq!(range(bad), None, "{bad}");
        }
        assert_eq!(parse(None, Some("now"), true).unwrap(), (From::End, Until::Never));
        assert_eq!(parse(Some("5-9"), None, true).unwrap(), (From::Offset(5), Until::Awaited(9)));
    }
}
