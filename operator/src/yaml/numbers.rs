//! Numbers as in Kubernetes: a 64-bit integer if possible, otherwise a float.

use serde_json::{Number, Value};

/// From this value on, an exponent is written.
const LARGE: f64 = 1e21;

/// `1e3` and `1.0` are written as `1000` and `1`, which makes them integers.
pub fn float(float: f64) -> Option<Number> {
    if float.fract() == 0.0 && float.abs() < LARGE {
        // With the fewest digits that identify the float, as it would be printed.
        if let Ok(integer) = format!("{float}").parse::<i64>() {
            return Some(Number::from(integer));
        }
    }
    Number::from_f64(float)
}

/// Above `i64`, Kubernetes loses precision, and so does this function.
#[allow(clippy::cast_precision_loss)]
pub fn unsigned(unsigned: u64) -> Option<Number> {
    i64::try_from(unsigned).map_or_else(|_| float(unsigned as f64), |signed| Some(signed.into()))
}

/// Normalises numbers from JSON in the same way.
pub fn normalize(value: &mut Value) {
    match value {
        Value::Number(number) => {
            let same = match (number.as_i64(), number.as_u64(), number.as_f64()) {
                (Some(_), ..) => None,
                (_, Some(large), _) => unsigned(large),
                (.., Some(fraction)) => float(fraction),
                _ => None,
            };
            if let Some(same) = same {
                *number = same;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(normalize),
        Value::Object(map) => map.values_mut().for_each(normalize),
        _ => {}
    }
}

/// A float as a mapping key, as text: `%g` with the digits of a 32-bit float.
#[allow(clippy::cast_possible_truncation)]
pub fn key(float: f64) -> String {
    let float = float as f32;
    if float.is_nan() {
        return ".nan".to_owned();
    }
    if float.is_infinite() {
        return if float > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let scientific = format!("{float:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return format!("{float}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whole_numbers_are_integers() {
        assert_eq!(float(1000.0), Some(Number::from(1000)));
        assert_eq!(float(-0.0), Some(Number::from(0)));
        assert_eq!(
            float(1_234_567_890_123_456_789.0),
            Some(Number::from(1_234_567_890_123_456_800_i64))
        );
        assert_eq!(
            float(-9_223_372_036_854_775_808.0),
            Number::from_f64(-9_223_372_036_854_775_808.0)
        );
        assert_eq!(float(1.5).map(|number| number.to_string()).as_deref(), Some("1.5"));
        assert_eq!(float(f64::INFINITY), None);
        assert_eq!(unsigned(7), Some(Number::from(7)));
        let mut value = json!({"a": [1.0, 2, 0.5]});
        normalize(&mut value);
        assert_eq!(value, json!({"a": [1, 2, 0.5]}));
    }

    #[test]
    fn keys_are_written_as_go_writes_them() {
        for (number, text) in [(1.5, "1.5"), (1000.0, "1000"), (0.000_01, "1e-05"), (1.5e6, "1.5e+06")] {
            assert_eq!(key(number), text);
        }
    }
}
