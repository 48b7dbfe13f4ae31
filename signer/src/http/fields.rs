//! Reads a JSON object in one pass, and keeps some of its fields.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Maximum nesting depth of ignored objects and arrays.
pub const MAX_DEPTH: usize = 32;

/// Why a well-formed JSON object is refused.
pub enum Fault {
    /// A field occurs twice.
    Duplicate(&'static str),
    /// An ignored value is nested too deeply.
    Depth,
}

/// Reads an object, and keeps the fields with these names as their original text.
pub struct Fields<'a, const N: usize> {
    names: &'static [&'static str; N],
    /// In the order of the names.
    pub values: [Option<&'a str>; N],
    /// The first fault.
    pub fault: Option<Fault>,
}

impl<const N: usize> Fields<'_, N> {
    /// Before reading.
    pub const fn new(names: &'static [&'static str; N]) -> Self {
        Self {
            names,
            values: [None; N],
            fault: None,
        }
    }
}

impl<'de, const N: usize> DeserializeSeed<'de> for Fields<'de, N> {
    type Value = Self;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(self)
    }
}

/// Reads an object with one relevant field, which is also an object. None if the field is missing or needs the general reader.
pub struct Nested<'a, const N: usize> {
    /// The name of that field.
    pub field: &'static [&'static str; 1],
    /// The fields of the object in it.
    pub fields: Fields<'a, N>,
}

impl<'de, const N: usize> Visitor<'de> for Nested<'de, N> {
    type Value = Option<Fields<'de, N>>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut empty, mut found, mut is_simple) = (Some(self.fields), None, true);
        while let Some(index) = map.next_key_seed(Name(self.field))? {
            match (index, empty.take()) {
                (Some(_), Some(fields)) => found = Some(map.next_value_seed(fields)?),
                (index, fields) => {
                    empty = fields;
                    let value: &'de RawValue = map.next_value()?;
                    is_simple &= index.is_none() && !is_too_deep(value.get());
                }
            }
        }
        Ok(found.filter(|_| is_simple))
    }
}

impl<'de, const N: usize> Visitor<'de> for Fields<'de, N> {
    type Value = Self;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self, A::Error> {
        while let Some(index) = map.next_key_seed(Name(self.names))? {
            let value: &'de RawValue = map.next_value()?;
            let value = value.get();
            match index {
                Some(index) if self.values[index].is_some() => {
                    self.fault.get_or_insert(Fault::Duplicate(self.names[index]));
                }
                Some(index) => self.values[index] = Some(value),
                None if is_too_deep(value) => {
                    self.fault.get_or_insert(Fault::Depth);
                }
                None => {}
            }
        }
        Ok(self)
    }
}

/// Counts the brackets of a well-formed JSON value.
fn is_too_deep(value: &str) -> bool {
    if !value.starts_with(['{', '[']) {
        return false;
    }
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in value.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth -= 1,
            _ => {}
        }
        if depth > MAX_DEPTH {
            return true;
        }
    }
    false
}

/// The index of a field's name among the known ones.
struct Name<const N: usize>(&'static [&'static str; N]);

impl<'de, const N: usize> DeserializeSeed<'de> for Name<N> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<usize>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<const N: usize> Visitor<'_> for Name<N> {
    type Value = Option<usize>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a field's name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Option<usize>, E> {
        Ok(self.0.iter().position(|known| *known == name))
    }
}
