//! The values that stand in IDL, for defaults and annotations: JSON, with Java's numbers. What no JSON number is for, an
//! infinity or NaN, becomes the text that Avro's JSON has for it.

use serde::Deserialize as _;
use serde_json::{Map, Value};

use super::token::Text;
use crate::{Flaw, budget};

impl Text<'_> {
    /// A value.
    pub(super) fn json(&mut self) -> Result<Value, Flaw> {
        self.value(0)
    }

    fn value(&mut self, depth: usize) -> Result<Value, Flaw> {
        if depth > budget::NESTING / 2 {
            return Err(self.flaw("values nest too deep".into()));
        }
        if self.eat('[')? {
            return self.list(depth);
        }
        if self.eat('{')? {
            return self.object(depth);
        }
        if self.rest().starts_with('"') {
            return self.string().map(Value::String);
        }
        let word = self.run();
        let value = match word {
            "null" => Some(Value::Null),
            "true" | "false" => Some((word == "true").into()),
            _ => number(word),
        };
        if let Some(value) = value {
            self.skip(word.len());
            return Ok(value);
        }
        Err(self.flaw(match word {
            "" if self.rest().is_empty() => "JSON is expected, not the end of the text".into(),
            "" => format!("JSON is expected, not {:?}", self.rest().chars().next().unwrap_or_default()),
            _ if word.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.')) => {
                format!("{word} is no number: JSON's and Java's are, whole ones of 64 bits")
            }
            _ => format!("JSON is expected, not {word:?}"),
        }))
    }

    fn list(&mut self, depth: usize) -> Result<Value, Flaw> {
        let mut items = Vec::new();
        if self.closes(']')? {
            return Ok(items.into());
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.closes(']')? {
                return Ok(items.into());
            }
            self.expect(',')?;
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, Flaw> {
        let mut members = Map::new();
        if self.closes('}')? {
            return Ok(members.into());
        }
        loop {
            self.blank()?;
            let name = self.string()?;
            self.expect(':')?;
            members.insert(name, self.value(depth + 1)?);
            if self.closes('}')? {
                return Ok(members.into());
            }
            self.expect(',')?;
        }
    }

    /// Takes the sign that ends a list or an object, if it comes next.
    fn closes(&mut self, sign: char) -> Result<bool, Flaw> {
        self.blank()?;
        if self.rest().is_empty() {
            return Err(self.flaw(format!("{sign:?} is expected, not the end of the text")));
        }
        self.eat(sign)
    }

    fn string(&mut self) -> Result<String, Flaw> {
        let mut deserializer = serde_json::Deserializer::from_str(self.rest());
        let text = String::deserialize(&mut deserializer).map_err(|error| self.flaw(format!("a text is expected: {error}")))?;
        let taken = deserializer.into_iter::<Value>().byte_offset();
        self.skip(taken);
        Ok(text)
    }

    /// The letters and digits that come next, with points and signs where a number has them.
    fn run(&self) -> &str {
        let rest = self.rest();
        let hexadecimal = rest.trim_start_matches(['-', '+']).starts_with(['0']) && {
            let digits = rest.trim_start_matches(['-', '+']);
            digits.get(1..2).is_some_and(|x| x.eq_ignore_ascii_case("x"))
        };
        let exponent = if hexadecimal { ['p', 'P'] } else { ['e', 'E'] };
        let mut before = None;
        let end = rest.find(|c: char| {
            let sign = matches!(c, '-' | '+') && before.is_none_or(|before| exponent.contains(&before));
            before = Some(c);
            !(c.is_alphanumeric() || matches!(c, '.' | '_') || sign)
        });
        &rest[..end.unwrap_or(rest.len())]
    }
}

/// A number as Java writes one: decimal, hexadecimal or octal, with an `L`; with a point or an exponent, of ten or two, with
/// `f` or `d`; `NaN` or `Infinity`.
fn number(word: &str) -> Option<Value> {
    let (negative, digits) = match word.as_bytes().first()? {
        b'-' => (true, &word[1..]),
        b'+' => (false, &word[1..]),
        _ => (false, word),
    };
    match digits {
        "NaN" => return Some("NaN".into()),
        "Infinity" => return Some(if negative { "-Infinity" } else { "Infinity" }.into()),
        _ => {}
    }
    if let Some(whole) = whole(digits) {
        let whole = if negative { -whole } else { whole };
        // Java's have no plus before them.
        return i64::try_from(whole).ok().filter(|_| !word.starts_with('+')).map(Value::from);
    }
    let float = fraction(digits)?;
    let float = if negative { -float } else { float };
    Some(match float {
        f64::INFINITY => "Infinity".into(),
        f64::NEG_INFINITY => "-Infinity".into(),
        float => float.into(),
    })
}

fn whole(digits: &str) -> Option<i128> {
    let bare = digits.strip_suffix(['l', 'L']).unwrap_or(digits);
    let (radix, digits) = match bare.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &bare[2..]),
        [b'0', _, ..] => (8, &bare[1..]),
        _ => (10, bare),
    };
    // A sign is no digit; more than a hundred bits fit no number of 64.
    let well = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
    well.then(|| i128::from_str_radix(digits, radix).unwrap_or(i128::MAX))
}

fn fraction(digits: &str) -> Option<f64> {
    if digits.starts_with("0x") || digits.starts_with("0X") {
        return hexadecimal(&digits[2..]);
    }
    let bare = digits.strip_suffix(['f', 'F', 'd', 'D']).unwrap_or(digits);
    let sound = bare.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    // A whole number without a sign of being more was refused as one.
    let more = bare.len() < digits.len() || bare.contains(['.', 'e', 'E']);
    (sound && more).then(|| bare.parse().ok()).flatten()
}

/// Sixteens before and behind the point, then the power of two that they are taken times.
fn hexadecimal(digits: &str) -> Option<f64> {
    let bare = digits.strip_suffix(['f', 'F', 'd', 'D']).unwrap_or(digits);
    let (digits, power) = bare.split_once(['p', 'P'])?;
    let (before, behind) = digits.split_once('.').unwrap_or((digits, ""));
    let power: i32 = power.parse().ok().filter(|power| (-100_000..=100_000).contains(power))?;
    if before.len() + behind.len() == 0 || behind.len() > 1_000 {
        return None;
    }
    let mut power = power - 4 * i32::try_from(behind.len()).ok()?;
    let mut value = 0_u64;
    for digit in before.chars().chain(behind.chars()) {
        let digit = digit.to_digit(16)?;
        if value >> 60 == 0 {
            value = value * 16 + u64::from(digit);
        } else {
            // More than a number has room for: it only says which way to round.
            value |= u64::from(digit > 0);
            power = power.saturating_add(4);
        }
    }
    // Nothing, times a power that is infinite, would be no number.
    if value == 0 {
        return Some(0.0);
    }
    let (high, low) = (u32::try_from(value >> 32).ok()?, u32::try_from(value & 0xffff_ffff).ok()?);
    let value = f64::from(high) * 4_294_967_296.0 + f64::from(low);
    // In two halves, since the power alone may be too small where the product is not.
    Some(value * 2_f64.powi(power / 2) * 2_f64.powi(power - power / 2))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Result<Value, Flaw> {
        let mut text = Text::new(text);
        let value = text.json()?;
        text.expect(';')?;
        Ok(value)
    }

    #[test]
    fn numbers_are_javas() {
        for (text, value) in [
            ("017", json!(15)),
            ("00", json!(0)),
            ("-010", json!(-8)),
            ("077777l", json!(32767)),
            ("0x1F", json!(31)),
            ("0X7fL", json!(127)),
            ("-0x10", json!(-16)),
            ("0xFFFFFFFFFFl", json!(1_099_511_627_775_u64)),
            ("-0x8000000000000000", json!(i64::MIN)),
            ("12L", json!(12)),
            ("-0", json!(0)),
            ("NaN", json!("NaN")),
            ("-NaN", json!("NaN")),
            ("Infinity", json!("Infinity")),
            ("+Infinity", json!("Infinity")),
            ("-Infinity", json!("-Infinity")),
            ("1e400", json!("Infinity")),
            ("-1e400f", json!("-Infinity")),
            ("1.5d", json!(1.5)),
            ("+1.5", json!(1.5)),
            ("12.", json!(12.0)),
            ("-.5e2", json!(-50.0)),
            ("1E+2", json!(100.0)),
            ("1.5e-3F", json!(0.0015)),
            ("1d", json!(1.0)),
            ("09.5", json!(9.5)),
            ("0e0", json!(0.0)),
            ("0x1p3", json!(8.0)),
            ("0x1.8p1d", json!(3.0)),
            ("0x.8p0", json!(0.5)),
            ("-0x1P-2f", json!(-0.25)),
            ("0x0p100000", json!(0.0)),
            ("0x1.0p-100000", json!(0.0)),
            ("0x1p100000", json!("Infinity")),
            ("0x1.fffffffffffff7ffffffffp0", json!(1.999_999_999_999_999_8)),
            (&format!("0x1.{}p0", "0".repeat(1_000)), json!(1.0)),
            (&format!("0x1{}p-4000", "0".repeat(1_000)), json!(1.0)),
            ("[0x10, 010 /* c */ , // d\n {\"a\": NaN, \"a\": 2}]", json!([16, 8, {"a": 2}])),
        ] {
            assert_eq!(read(&format!("{text};")).unwrap_or_else(|flaw| panic!("{text}: {flaw}")), value, "{text}");
        }
    }

    #[test]
    fn what_java_takes_for_no_number_is_none() {
        for text in [
            "08",
            "+5",
            "- 5",
            "1_000",
            "0b11",
            "0x",
            "0x1.8",
            "9223372036854775808",
            "0x8000000000000000",
            "nan",
            "Infinityx",
            "1 000",
            "[1,]",
            "'x'",
            "1.5.2",
            "--1",
            "",
            "{\"a\" 1}",
            "{a: 1}",
        ] {
            assert!(read(&format!("{text};")).is_err(), "{text}");
        }
        assert!(read("017").unwrap_err().to_string().contains("';' is expected"), "the text ends");
        let told = read("08;").unwrap_err().to_string();
        assert!(told.starts_with("08 is no number"), "{told}");
        assert!(read(&"[".repeat(100_000)).unwrap_err().to_string().contains("nest too deep"));
    }
}
