//! The meaning of a scalar: YAML 1.1 with the exceptions of Kubernetes' library (go-yaml v2, `resolve.go`).

use super::numbers;
use super::text::{short, utf8};

/// The prefix of the tags that YAML itself defines.
const OWN: &str = "tag:yaml.org,2002:";

#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    Null,
    Bool(bool),
    Integer(i64),
    Unsigned(u64),
    Float(f64),
    Text(String),
}

impl Scalar {
    /// As a mapping key, which is text in JSON.
    pub fn into_key(self) -> Result<String, String> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Bool(value) => Ok(value.to_string()),
            Self::Integer(number) => Ok(number.to_string()),
            Self::Float(number) => Ok(numbers::key(number)),
            Self::Null => Err("found a key that is null, expected text".to_owned()),
            Self::Unsigned(number) => Err(format!(
                "found the key {number}, which is too large for an integer; quote it"
            )),
        }
    }
}

/// The value of a scalar with this full tag (empty if there is none). A plain scalar is implicit.
pub fn resolve(tag: &str, is_implicit: bool, text: &str) -> Result<Scalar, String> {
    let Some(name) = tag.strip_prefix(OWN).or_else(|| tag.is_empty().then_some("")) else {
        return Ok(Scalar::Text(text.to_owned()));
    };
    match name {
        "" if is_implicit => Ok(plain(text)),
        "binary" => base64(text),
        "bool" | "int" | "float" | "null" | "timestamp" => tagged(name, text),
        // Quoted, `!!str`, or a tag that does not concern scalars.
        _ => Ok(Scalar::Text(text.to_owned())),
    }
}

/// A scalar whose tag determines its type. Text is never refused because of its untagged meaning.
fn tagged(name: &str, text: &str) -> Result<Scalar, String> {
    let resolved = plain(text);
    let fits = match (&resolved, name) {
        #[allow(clippy::cast_precision_loss)]
        (Scalar::Integer(number), "float") => return Ok(Scalar::Float(*number as f64)),
        (Scalar::Null, "null")
        | (Scalar::Bool(_), "bool")
        | (Scalar::Integer(_) | Scalar::Unsigned(_), "int")
        | (Scalar::Float(_), "float") => true,
        (Scalar::Text(text), "timestamp") => is_date(text),
        _ => false,
    };
    fits.then_some(resolved)
        .ok_or_else(|| format!("found {:?}, expected a value of its tag !!{name}", short(text)))
}

/// A scalar without quotes and tag.
pub fn plain(text: &str) -> Scalar {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => return Scalar::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Scalar::Bool(false);
        }
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        ".nan" | ".NaN" | ".NAN" => return Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Scalar::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Scalar::Float(f64::NEG_INFINITY),
        _ => {}
    }
    let number = match text.as_bytes()[0] {
        b'.' => float(text),
        b'0'..=b'9' | b'+' | b'-' => {
            let digits = text.replace('_', "");
            integer(&digits).or_else(|| float(&digits))
        }
        _ => None,
    };
    number.unwrap_or_else(|| Scalar::Text(text.to_owned()))
}

/// With an optional sign, and the prefixes 0b, 0o, 0x, or a single 0 for octal.
fn integer(text: &str) -> Option<Scalar> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => ("-", &text[1..]),
        b'+' => ("+", &text[1..]),
        _ => ("", text),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    // Rust would also accept a second sign.
    if !digits.starts_with(|first: char| first.is_ascii_alphanumeric()) {
        return None;
    }
    let signed = i64::from_str_radix(&format!("{sign}{digits}"), radix);
    if let Ok(number) = signed {
        return Some(Scalar::Integer(number));
    }
    let unsigned = u64::from_str_radix(digits, radix).ok();
    unsigned.filter(|_| sign.is_empty()).map(Scalar::Unsigned)
}

/// Digits, a point, an exponent. No words such as `infinity`, and no value that is too large.
fn float(text: &str) -> Option<Scalar> {
    let digits = text.trim_start_matches(['+', '-']);
    let only_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let is_float = text.len() - digits.len() <= 1
        && only_digits(whole)
        && only_digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && only_digits(exponent)
        && !exponent.is_empty();
    let number: f64 = is_float.then(|| text.parse().ok())??;
    number.is_finite().then_some(Scalar::Float(number))
}

/// `YYYY-M-D`, optionally with a time.
fn is_date(text: &str) -> bool {
    let date = text.split(['T', 't', ' ']).next().unwrap_or_default();
    let mut parts = date.split('-');
    let mut within = |digits: std::ops::RangeInclusive<usize>, range: std::ops::RangeInclusive<u32>| {
        let part = parts.next().unwrap_or_default();
        digits.contains(&part.len()) && part.parse().is_ok_and(|number| range.contains(&number))
    };
    within(4..=4, 0..=9999) && within(1..=2, 1..=12) && within(1..=2, 1..=31) && parts.next().is_none()
}

/// The bytes become text in JSON. Invalid bytes are lost, as in kubectl.
fn base64(text: &str) -> Result<Scalar, String> {
    let packed: String = text.chars().filter(|char| !matches!(char, '\n' | '\r')).collect();
    let bytes = data_encoding::BASE64
        .decode(packed.as_bytes())
        .map_err(|_| "found a !!binary that is not base64".to_owned())?;
    Ok(Scalar::Text(utf8(&bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_are_those_of_yaml_1_1() {
        for (text, expected) in [
            ("yes", Scalar::Bool(true)),
            ("n", Scalar::Bool(false)),
            ("yEs", Scalar::Text("yEs".to_owned())),
            ("~", Scalar::Null),
            ("0400", Scalar::Integer(256)),
            ("0o400", Scalar::Integer(256)),
            ("-0x1F", Scalar::Integer(-31)),
            ("0b101", Scalar::Integer(5)),
            ("1_000", Scalar::Integer(1000)),
            ("08", Scalar::Float(8.0)),
            ("+1", Scalar::Integer(1)),
            ("1e3", Scalar::Float(1000.0)),
            ("1.", Scalar::Float(1.0)),
            (".5", Scalar::Float(0.5)),
            ("18446744073709551615", Scalar::Unsigned(u64::MAX)),
            ("1e999", Scalar::Text("1e999".to_owned())),
            ("1:30", Scalar::Text("1:30".to_owned())),
            ("2024-01-01", Scalar::Text("2024-01-01".to_owned())),
            ("+-1", Scalar::Text("+-1".to_owned())),
            ("0x", Scalar::Text("0x".to_owned())),
            ("-", Scalar::Text("-".to_owned())),
            ("=", Scalar::Text("=".to_owned())),
        ] {
            assert_eq!(plain(text), expected, "{text}");
        }
    }

    #[test]
    fn tags_decide_or_refuse() {
        let with = |name: &str, text| resolve(&format!("{OWN}{name}"), false, text);
        assert_eq!(with("str", "0400"), Ok(Scalar::Text("0400".to_owned())));
        assert_eq!(with("int", "0400"), Ok(Scalar::Integer(256)));
        assert_eq!(with("float", "1"), Ok(Scalar::Float(1.0)));
        assert_eq!(with("binary", "eWVz"), Ok(Scalar::Text("yes".to_owned())));
        assert_eq!(
            with("timestamp", "2024-01-01"),
            Ok(Scalar::Text("2024-01-01".to_owned()))
        );
        assert!(with("int", "word").unwrap_err().contains("!!int"));
        assert!(with("binary", "?").is_err());
        assert_eq!(resolve("!mine", true, "12"), Ok(Scalar::Text("12".to_owned())));
        assert_eq!(resolve("", false, "12"), Ok(Scalar::Text("12".to_owned())));
    }
}
