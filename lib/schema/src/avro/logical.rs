//! Logical types: what a value means beyond how it is written. Unknown or ill-placed ones are no error; they mean nothing.

use serde_json::{Map, Value};

use super::Kind;

/// A logical type that is valid on the type that carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Logical {
    /// An unscaled big-endian number of at most `precision` digits, `scale` of them after the point.
    Decimal {
        precision: u32,
        scale: u32,
    },
    BigDecimal,
    Uuid,
    Date,
    TimeMillis,
    TimeMicros,
    TimestampMillis,
    TimestampMicros,
    TimestampNanos,
    LocalTimestampMillis,
    LocalTimestampMicros,
    LocalTimestampNanos,
    /// Months, days and milliseconds, four little-endian bytes each.
    Duration,
}

impl Logical {
    pub fn name(self) -> &'static str {
        match self {
            Self::Decimal { .. } => "decimal",
            Self::BigDecimal => "big-decimal",
            Self::Uuid => "uuid",
            Self::Date => "date",
            Self::TimeMillis => "time-millis",
            Self::TimeMicros => "time-micros",
            Self::TimestampMillis => "timestamp-millis",
            Self::TimestampMicros => "timestamp-micros",
            Self::TimestampNanos => "timestamp-nanos",
            Self::LocalTimestampMillis => "local-timestamp-millis",
            Self::LocalTimestampMicros => "local-timestamp-micros",
            Self::LocalTimestampNanos => "local-timestamp-nanos",
            Self::Duration => "duration",
        }
    }

    pub(crate) fn of(kind: &Kind, properties: &Map<String, Value>) -> Option<Self> {
        let name = properties.get("logicalType")?.as_str()?;
        match (name, kind) {
            ("decimal", Kind::Bytes) => decimal(properties, u32::MAX),
            ("decimal", Kind::Fixed(fixed)) => decimal(properties, digits(fixed.size)),
            ("big-decimal", Kind::Bytes) => Some(Self::BigDecimal),
            ("uuid", Kind::String) => Some(Self::Uuid),
            ("uuid", Kind::Fixed(fixed)) if fixed.size == 16 => Some(Self::Uuid),
            ("duration", Kind::Fixed(fixed)) if fixed.size == 12 => Some(Self::Duration),
            ("date", Kind::Int) => Some(Self::Date),
            ("time-millis", Kind::Int) => Some(Self::TimeMillis),
            ("time-micros", Kind::Long) => Some(Self::TimeMicros),
            ("timestamp-millis", Kind::Long) => Some(Self::TimestampMillis),
            ("timestamp-micros", Kind::Long) => Some(Self::TimestampMicros),
            ("timestamp-nanos", Kind::Long) => Some(Self::TimestampNanos),
            ("local-timestamp-millis", Kind::Long) => Some(Self::LocalTimestampMillis),
            ("local-timestamp-micros", Kind::Long) => Some(Self::LocalTimestampMicros),
            ("local-timestamp-nanos", Kind::Long) => Some(Self::LocalTimestampNanos),
            _ => None,
        }
    }
}

fn decimal(properties: &Map<String, Value>, most: u32) -> Option<Logical> {
    let precision = u32::try_from(properties.get("precision")?.as_u64()?).ok()?;
    let scale = match properties.get("scale") {
        None => 0,
        Some(scale) => u32::try_from(scale.as_u64()?).ok()?,
    };
    (precision > 0 && precision <= most && scale <= precision).then_some(Logical::Decimal { precision, scale })
}

/// Decimal digits that always fit into a signed number of so many bytes.
fn digits(size: usize) -> u32 {
    if size == 0 {
        return 0;
    }
    let bits = size.saturating_mul(8) - 1;
    (std::f64::consts::LOG10_2 * bits as f64).floor() as u32
}
