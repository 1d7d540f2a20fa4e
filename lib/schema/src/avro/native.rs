//! Rust types for logical types: what generated code holds instead of bare numbers and bytes.
//!
//! Each wraps the number that is written, so nothing is lost that a calendar would not hold. They print as ISO 8601 does.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::binary::{Malformed, Reader, put_bytes, put_string};

const SECONDS_A_DAY: i64 = 86_400;

/// `date`: days since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Date(pub i32);

impl Date {
    /// A day of the Gregorian calendar, if there is such a day.
    pub fn of(year: i64, month: u32, day: u32) -> Option<Self> {
        let date = Self(i32::try_from(days_from(year, month, day)).ok()?);
        (date.parts() == (year, month, day)).then_some(date)
    }

    /// Year, month and day.
    pub fn parts(self) -> (i64, u32, u32) {
        civil(i64::from(self.0))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.parts();
        write!(f, "{}-{month:02}-{day:02}", Year(year))
    }
}

/// Four digits at least; more with a sign, as ISO 8601 wants.
struct Year(i64);

impl fmt::Display for Year {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            year @ 0..=9999 => write!(f, "{year:04}"),
            year => write!(f, "{year:+05}"),
        }
    }
}

/// Days since 1970 of a day in the Gregorian calendar. Years begin in March, so that the odd day is the last.
fn days_from(year: i64, month: u32, day: u32) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let month = (i64::from(month) + 9) % 12;
    let of_year = (153 * month + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn civil(days: i64) -> (i64, u32, u32) {
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let of_era = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * of_era + of_era / 4 - of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let (day, month) = (of_year - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    (era * 400 + of_era + i64::from(month <= 2), month as u32, day as u32)
}

/// `12:34:56.789`, with as many digits behind the point as the unit has.
fn clock(f: &mut fmt::Formatter<'_>, seconds: i64, fraction: i64, digits: usize) -> fmt::Result {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    write!(f, "{hours:02}:{minutes:02}:{seconds:02}.{fraction:0digits$}")
}

macro_rules! times {
    ($($(#[$doc:meta])* $name:ident($inner:ty), $per_second:literal, $digits:literal;)*) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let all = i64::from(self.0);
                clock(f, all.div_euclid($per_second), all.rem_euclid($per_second), $digits)
            }
        }
    )* };
}

times! {
    /// `time-millis`: milliseconds since midnight.
    TimeMillis(i32), 1_000, 3;
    /// `time-micros`: microseconds since midnight.
    TimeMicros(i64), 1_000_000, 6;
}

macro_rules! timestamps {
    ($($(#[$doc:meta])* $name:ident, $per_second:literal, $digits:literal, $zone:literal;)*) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let (seconds, fraction) = (self.0.div_euclid($per_second), self.0.rem_euclid($per_second));
                let (year, month, day) = civil(seconds.div_euclid(SECONDS_A_DAY));
                write!(f, "{}-{month:02}-{day:02}T", Year(year))?;
                clock(f, seconds.rem_euclid(SECONDS_A_DAY), fraction, $digits)?;
                f.write_str($zone)
            }
        }
    )* };
}

timestamps! {
    /// `timestamp-millis`: milliseconds since 1970 in UTC.
    TimestampMillis, 1_000, 3, "Z";
    /// `timestamp-micros`: microseconds since 1970 in UTC.
    TimestampMicros, 1_000_000, 6, "Z";
    /// `timestamp-nanos`: nanoseconds since 1970 in UTC.
    TimestampNanos, 1_000_000_000, 9, "Z";
    /// `local-timestamp-millis`: milliseconds since 1970 on somebody's clock.
    LocalTimestampMillis, 1_000, 3, "";
    /// `local-timestamp-micros`: microseconds since 1970 on somebody's clock.
    LocalTimestampMicros, 1_000_000, 6, "";
    /// `local-timestamp-nanos`: nanoseconds since 1970 on somebody's clock.
    LocalTimestampNanos, 1_000_000_000, 9, "";
}

macro_rules! system_times {
    ($($name:ident, $nanos:literal;)*) => { $(
        impl From<SystemTime> for $name {
            /// Beyond what 64 bits hold, the nearest that they do.
            fn from(time: SystemTime) -> Self {
                let units = |span: Duration| i64::try_from(span.as_nanos() / $nanos).unwrap_or(i64::MAX);
                Self(time.duration_since(UNIX_EPOCH).map_or_else(|before| -units(before.duration()), units))
            }
        }

        impl $name {
            /// The moment, if the system can express it.
            pub fn to_system_time(self) -> Option<SystemTime> {
                const PER_SECOND: u64 = 1_000_000_000 / $nanos;
                let units = self.0.unsigned_abs();
                let span = Duration::new(units / PER_SECOND, (units % PER_SECOND) as u32 * $nanos);
                if self.0 < 0 { UNIX_EPOCH.checked_sub(span) } else { UNIX_EPOCH.checked_add(span) }
            }
        }
    )* };
}

system_times! {
    TimestampMillis, 1_000_000;
    TimestampMicros, 1_000;
    TimestampNanos, 1;
}

/// `decimal` on bytes: a whole number, the last `SCALE` digits of which stand behind the point.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Decimal<const SCALE: usize>(Vec<u8>);

impl<const SCALE: usize> Decimal<SCALE> {
    /// Bytes beyond which a number is not printed in digits, for that takes time with the square of their number.
    const PRINTED: usize = 256;

    /// From the whole number without a point: 1230 with a scale of 2 is 12.30.
    pub fn new(unscaled: i128) -> Self {
        let bytes = unscaled.to_be_bytes();
        let sign = if unscaled < 0 { 0xff } else { 0 };
        let spare = bytes.windows(2).take_while(|pair| pair[0] == sign && (pair[1] ^ sign) & 0x80 == 0).count();
        Self(bytes[spare..].to_vec())
    }

    /// From big-endian bytes in two's complement, as they are written.
    pub fn from_be_bytes(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// Big-endian bytes in two's complement.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The whole number without a point, if 128 bits hold it.
    pub fn unscaled(&self) -> Option<i128> {
        let negative = self.0.first().is_some_and(|first| first & 0x80 != 0);
        let sign: u8 = if negative { 0xff } else { 0 };
        let spare = self.0.len().saturating_sub(16);
        let (lead, last) = self.0.split_at(spare);
        let fits = lead.iter().all(|byte| *byte == sign) && (lead.is_empty() || (last[0] ^ sign) & 0x80 == 0);
        fits.then(|| last.iter().fold(if negative { -1 } else { 0 }, |number, byte| (number << 8) | i128::from(*byte)))
    }

    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        reader.bytes().map(Self::from_be_bytes)
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        put_bytes(out, &self.0);
    }
}

impl<const SCALE: usize> fmt::Display for Decimal<SCALE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.len() > Self::PRINTED {
            return write!(f, "a number of {} bytes", self.0.len());
        }
        let (negative, mut digits) = digits(&self.0);
        if digits.len() <= SCALE {
            digits.insert_str(0, &"0".repeat(SCALE + 1 - digits.len()));
        }
        let (whole, fraction) = digits.split_at(digits.len() - SCALE);
        let (sign, point) = (if negative { "-" } else { "" }, if SCALE == 0 { "" } else { "." });
        write!(f, "{sign}{whole}{point}{fraction}")
    }
}

/// Whether a number in two's complement is below zero, and its size in decimal digits.
fn digits(bytes: &[u8]) -> (bool, String) {
    let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
    let mut size: Vec<u8> = bytes.to_vec();
    if negative {
        let mut carry = true;
        for byte in size.iter_mut().rev() {
            let (flipped, over) = (!*byte).overflowing_add(u8::from(carry));
            (*byte, carry) = (flipped, over);
        }
    }
    let mut out = Vec::new();
    while size.iter().any(|byte| *byte != 0) {
        let mut rest = 0_u32;
        for byte in &mut size {
            let value = rest << 8 | u32::from(*byte);
            (*byte, rest) = ((value / 10) as u8, value % 10);
        }
        out.push(b'0' + rest as u8);
    }
    out.reverse();
    let text = String::from_utf8(out).unwrap_or_default();
    (negative, if text.is_empty() { "0".into() } else { text })
}

/// `uuid` on a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Uuid(pub [u8; 16]);

impl Uuid {
    /// From 36 characters, or from 32 without hyphens.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let places = [8, 13, 18, 23];
        let hyphens = bytes.len() == 36 && places.iter().all(|at| bytes[*at] == b'-');
        let hex: Vec<u8> = if hyphens {
            bytes.iter().enumerate().filter(|(at, _)| !places.contains(at)).map(|(_, byte)| *byte).collect()
        } else {
            bytes.to_vec()
        };
        if hex.len() != 32 {
            return None;
        }
        let mut out = [0; 16];
        for (byte, pair) in out.iter_mut().zip(hex.chunks_exact(2)) {
            let digit = |letter: u8| char::from(letter).to_digit(16);
            *byte = (digit(pair[0])? << 4 | digit(pair[1])?) as u8;
        }
        Some(Self(out))
    }

    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Self::parse(reader.string()?).ok_or(Malformed::Uuid)
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        put_string(out, &self.to_string());
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            let hyphen = if matches!(at, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(f, "{hyphen}{byte:02x}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_moments_print_as_iso_8601_does() {
        assert_eq!(Date(0).to_string(), "1970-01-01");
        assert_eq!(Date::of(2024, 2, 29).map(|date| date.to_string()).as_deref(), Some("2024-02-29"));
        assert_eq!(Date::of(2023, 2, 29), None);
        assert_eq!(Date(i32::MAX).to_string(), "+5881580-07-11");
        for days in (-800_000..800_000).step_by(997) {
            let (year, month, day) = Date(days).parts();
            assert_eq!(Date::of(year, month, day), Some(Date(days)));
        }
        assert_eq!(TimeMillis(45_296_789).to_string(), "12:34:56.789");
        assert_eq!(TimestampMillis(-1).to_string(), "1969-12-31T23:59:59.999Z");
        assert_eq!(LocalTimestampMicros(1_700_000_000_000_001).to_string(), "2023-11-14T22:13:20.000001");
        let now = TimestampMicros(1_700_000_000_000_001);
        assert_eq!(now.to_system_time().map(TimestampMicros::from), Some(now));
        assert_eq!(TimestampMillis(-1500).to_system_time().map(TimestampMillis::from), Some(TimestampMillis(-1500)));
    }

    #[test]
    fn decimals_keep_every_digit() {
        for (unscaled, text, bytes) in [
            (0, "0.00", vec![0]),
            (5, "0.05", vec![5]),
            (-5, "-0.05", vec![0xfb]),
            (1230, "12.30", vec![4, 0xce]),
            (128, "1.28", vec![0, 128]),
            (-128, "-1.28", vec![128]),
            (-129, "-1.29", vec![0xff, 0x7f]),
        ] {
            let decimal = Decimal::<2>::new(unscaled);
            assert_eq!((decimal.to_string().as_str(), decimal.as_bytes()), (text, &bytes[..]));
            assert_eq!(decimal.unscaled(), Some(unscaled));
        }
        assert_eq!(Decimal::<0>::new(i128::MIN).to_string(), i128::MIN.to_string());
        let large = Decimal::<0>::from_be_bytes(&[1; 17]);
        assert_eq!((large.unscaled(), large.to_string().len()), (None, 39));
        assert_eq!(Decimal::<2>::from_be_bytes(&[]).to_string(), "0.00");
    }

    #[test]
    fn uuids_are_read_in_both_spellings() {
        let text = "123e4567-e89b-12d3-a456-426614174000";
        let uuid = Uuid::parse(text).expect("a uuid");
        assert_eq!(uuid.to_string(), text);
        assert_eq!(Uuid::parse(&text.replace('-', "")), Some(uuid));
        assert!(Uuid::parse("123e4567").is_none() && Uuid::parse(&text.replace('e', "g")).is_none());
    }
}
