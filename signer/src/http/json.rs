//! Reads JSON from clients: tolerant of format (any order, unknown fields, lower-case hexadecimal, quoted numbers), strict about
//! meaning. Fields are kept as their original text, so that a message can quote it.

use std::borrow::Cow;

use data_encoding::HEXUPPER_PERMISSIVE;
use serde::de::Deserializer as _;
use thiserror::Error;

use super::fields::{Fault, Fields, MAX_DEPTH, Nested};

/// Maximum length of quoted input in a message.
const MAX_EXCERPT: usize = 40;

/// An error in a body, for its sender.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{field}: found {found}, expected {expected}")]
pub struct Invalid {
    field: String,
    found: String,
    expected: Cow<'static, str>,
}

impl Invalid {
    pub fn new(field: impl Into<String>, found: impl Into<String>, expected: impl Into<Cow<'static, str>>) -> Self {
        Self {
            field: field.into(),
            found: found.into(),
            expected: expected.into(),
        }
    }

    fn body(found: impl Into<String>) -> Self {
        Self::new("body", found, "a JSON object")
    }
}

/// A JSON object. Only the fields with these names are kept.
#[derive(Debug)]
pub struct Object<'a, const N: usize> {
    prefix: &'static str,
    names: &'static [&'static str; N],
    values: [Option<&'a str>; N],
}

impl<'a, const N: usize> Object<'a, N> {
    /// Reads a whole body.
    pub fn from_body(body: &'a [u8], names: &'static [&'static str; N]) -> Result<Self, Invalid> {
        let text = std::str::from_utf8(body)
            .map_err(|error| Invalid::body(format!("invalid UTF-8 at byte {}", error.valid_up_to())))?;
        let text = text.trim_ascii();
        if !text.starts_with('{') {
            // The parser would quote a value that is not an object, at any length.
            return Err(Invalid::body(describe(text)));
        }
        Self::parse("", text, names)
    }

    /// Reads the object in this field.
    pub fn child<const M: usize>(
        &self,
        name: &'static str,
        prefix: &'static str,
        names: &'static [&'static str; M],
    ) -> Result<Object<'a, M>, Invalid> {
        let expected = "an object";
        match self.get(name) {
            Some(text) if text.starts_with('{') => Object::parse(prefix, text, names),
            found => Err(self.invalid(name, found, expected)),
        }
    }

    /// Reads the object in this field of a whole body, and no other field.
    pub fn from_field_of_body(
        body: &'a [u8],
        field: &'static [&'static str; 1],
        prefix: &'static str,
        names: &'static [&'static str; N],
    ) -> Result<Self, Invalid> {
        // Most bodies are read in one pass. The errors of others are determined in two.
        match Self::at_once(body, field, prefix, names) {
            Some(object) => Ok(object),
            None => Object::from_body(body, field)?.child(field[0], prefix, names),
        }
    }

    fn at_once(
        body: &'a [u8],
        field: &'static [&'static str; 1],
        prefix: &'static str,
        names: &'static [&'static str; N],
    ) -> Option<Self> {
        let mut parser = serde_json::Deserializer::from_str(std::str::from_utf8(body).ok()?);
        let nested = Nested {
            field,
            fields: Fields::new(names),
        };
        let fields = parser.deserialize_map(nested).ok().flatten()?;
        parser.end().ok()?;
        fields.fault.is_none().then_some(Self {
            prefix,
            names,
            values: fields.values,
        })
    }

    fn parse(prefix: &'static str, text: &'a str, names: &'static [&'static str; N]) -> Result<Self, Invalid> {
        let mut parser = serde_json::Deserializer::from_str(text);
        let fields = parser
            .deserialize_map(Fields::new(names))
            .and_then(|fields| parser.end().map(|()| fields))
            .map_err(|error| Invalid::body(format!("malformed JSON ({error})")))?;
        match fields.fault {
            None => Ok(Self {
                prefix,
                names,
                values: fields.values,
            }),
            Some(Fault::Duplicate(name)) => Err(Invalid::new(format!("{prefix}{name}"), "it twice", "it once")),
            Some(Fault::Depth) => Err(Invalid::new(
                "body",
                "deep nesting",
                format!("at most {MAX_DEPTH} levels of objects and arrays"),
            )),
        }
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        let index = self.names.iter().position(|known| *known == name)?;
        self.values[index]
    }

    fn invalid(&self, name: &str, found: Option<&str>, expected: impl Into<Cow<'static, str>>) -> Invalid {
        Invalid::new(
            format!("{}{name}", self.prefix),
            found.map_or_else(|| "nothing".to_owned(), describe),
            expected,
        )
    }

    /// A string, with its escapes resolved.
    fn string(&self, name: &str, expected: impl Into<Cow<'static, str>>) -> Result<Cow<'a, str>, Invalid> {
        let found = self.get(name);
        found
            .and_then(unquoted)
            .ok_or_else(|| self.invalid(name, found, expected))
    }

    /// One of these texts, as the corresponding value.
    pub fn one_of<T: Copy>(&self, name: &str, choices: &[(&str, T)]) -> Result<T, Invalid> {
        let expected = || {
            let names: Vec<_> = choices.iter().map(|(text, _)| *text).collect();
            names.join(" or ")
        };
        let text = self
            .string(name, "")
            .map_err(|_| self.invalid(name, self.get(name), expected()))?;
        let chosen = choices.iter().find(|(choice, _)| *choice == text);
        chosen
            .map(|(_, value)| *value)
            .ok_or_else(|| self.invalid(name, self.get(name), expected()))
    }

    /// `V1`, the only algorithm.
    pub fn algorithm_v1(&self, name: &str) -> Result<(), Invalid> {
        self.one_of(name, &[("V1", ())])
    }

    /// A whole number from 0 to `max`, bare or quoted.
    pub fn unsigned(&self, name: &str, max: u64) -> Result<u64, Invalid> {
        let number = self
            .number(name)
            .and_then(|text| text.parse().ok())
            .filter(|number| *number <= max);
        number.ok_or_else(|| self.invalid(name, self.get(name), format!("a whole number from 0 to {max}")))
    }

    /// A whole number of 16 bits, bare or quoted.
    pub fn u16(&self, name: &str) -> Result<u16, Invalid> {
        let number = self.unsigned(name, u16::MAX.into())?;
        u16::try_from(number).map_err(|_| self.invalid(name, self.get(name), "a whole number of 16 bits"))
    }

    /// Milliseconds since the Unix epoch, bare or quoted.
    pub fn timestamp(&self, name: &str) -> Result<i64, Invalid> {
        let number = self.number(name).and_then(|text| text.parse().ok());
        number.ok_or_else(|| {
            let expected = format!("epoch milliseconds, a whole number from {} to {}", i64::MIN, i64::MAX);
            self.invalid(name, self.get(name), expected)
        })
    }

    /// 64 hexadecimal digits of either case.
    pub fn bytes32(&self, name: &str) -> Result<[u8; 32], Invalid> {
        const EXPECTED: &str = "64 hexadecimal digits";
        let text = self.string(name, EXPECTED)?;
        let mut bytes = [0; 32];
        if text.len() == 64 && HEXUPPER_PERMISSIVE.decode_mut(text.as_bytes(), &mut bytes).is_ok() {
            return Ok(bytes);
        }
        Err(self.invalid_hex(name, &text, EXPECTED))
    }

    /// An even number of hexadecimal digits of either case, at least twice `min`.
    pub fn bytes(&self, name: &str, min: usize) -> Result<Vec<u8>, Invalid> {
        let expected = || format!("an even number of hexadecimal digits, at least {}", 2 * min);
        let text = self
            .string(name, "")
            .map_err(|_| self.invalid(name, self.get(name), expected()))?;
        let bytes = HEXUPPER_PERMISSIVE
            .decode(text.as_bytes())
            .ok()
            .filter(|bytes| bytes.len() >= min);
        bytes.ok_or_else(|| self.invalid_hex(name, &text, expected()))
    }

    fn invalid_hex(&self, name: &str, text: &str, expected: impl Into<Cow<'static, str>>) -> Invalid {
        let found = format!(
            "{} ({} characters)",
            describe(self.get(name).unwrap_or("")),
            text.chars().count()
        );
        Invalid::new(format!("{}{name}", self.prefix), found, expected)
    }

    fn number(&self, name: &str) -> Option<Cow<'a, str>> {
        let text = self.get(name)?;
        let text = if text.starts_with('"') {
            unquoted(text)?
        } else {
            Cow::Borrowed(text)
        };
        is_whole(&text).then_some(text)
    }
}

/// Whether a text is a JSON number without fraction and exponent. Negative zero is refused.
fn is_whole(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let canonical = text == "0" || !digits.starts_with('0');
    canonical && !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit())
}

fn unquoted(text: &str) -> Option<Cow<'_, str>> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        return serde_json::from_str(text).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inner))
}

/// A short and harmless description of input, for a log or a terminal.
fn describe(text: &str) -> String {
    match text.bytes().next() {
        None => "nothing".to_owned(),
        Some(b'{') => "an object".to_owned(),
        Some(b'[') => "an array".to_owned(),
        Some(_) => {
            let mut excerpt: String = text.escape_default().take(MAX_EXCERPT).collect();
            if text.starts_with('"') {
                // The quotes belong to the value.
                excerpt = excerpt.replace("\\\"", "\"");
            }
            if text.escape_default().nth(MAX_EXCERPT).is_some() {
                excerpt.push_str("...");
            }
            excerpt
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Read<'a> = Object<'a, 2>;

    const NAMES: &[&str; 2] = &["a", "b"];

    fn at_once(body: &str) -> Option<Read<'_>> {
        Read::at_once(body.as_bytes(), &["target"], "target.", NAMES)
    }

    fn in_two(body: &str) -> Result<Read<'_>, Invalid> {
        Object::from_body(body.as_bytes(), &["target"])?.child("target", "target.", NAMES)
    }

    #[test]
    fn simple_bodies_are_read_in_one_pass() {
        for body in [
            r#"{"target":{"a":1,"b":"two"}}"#,
            r#" { "x" : [{}] , "target" : { "b":"\u0041", "y":null } , "z":{} } "#,
            r#"{"target":{}}"#,
        ] {
            let (one, two) = (at_once(body).unwrap(), in_two(body).unwrap());
            assert_eq!(one.values, two.values, "{body}");
        }
        for body in [
            r#"{"target":{"a":1,"a":1}}"#,
            r#"{"target":{},"target":{}}"#,
            r#"{"target":[]}"#,
            r#"{"target":{}} {}"#,
            "{}",
        ] {
            assert!(at_once(body).is_none(), "{body}");
        }
    }

    fn text() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("{"),
            Just("}"),
            Just("["),
            Just("]"),
            Just(":"),
            Just(","),
            Just(" "),
            Just("\"target\""),
            Just("\"target\":{"),
            Just("\"a\":"),
            Just("\"b\":"),
            Just("1"),
            Just("\"x\""),
            Just("null"),
            Just("\\"),
            Just("\""),
        ];
        proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn what_is_read_in_one_pass_is_what_two_would_read(inner in text(), outer in text()) {
            for body in [format!("{{\"target\":{{{inner}}}{outer}}}"), format!("{{{outer}\"target\":{{{inner}}}}}")] {
                if let Some(object) = at_once(&body) {
                    let two = in_two(&body);
                    prop_assert_eq!(Ok(object.values), two.map(|two| two.values), "{}", body);
                }
            }
        }
    }
}
