//! Compares quantities: the API server writes `1000m` as `1`.
//! Source: <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>

use serde_json::Value;

/// Whether the values of this field are quantities: `requests` and `limits` of a container.
pub fn is_in(field: &str) -> bool {
    matches!(field, "requests" | "limits")
}

/// Whether two values are the same quantity.
pub fn equal(left: &Value, right: &Value) -> bool {
    left == right || matches!((nano(left), nano(right)), (Some(left), Some(right)) if left == right)
}

/// The value in billionths, the smallest unit of a quantity.
pub fn nano(value: &Value) -> Option<i128> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let end = text
        .find(|each: char| !each.is_ascii_digit() && !matches!(each, '.' | '+' | '-'))
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let scale: i128 = match suffix {
        "n" => 1,
        "u" => 1_000,
        "m" => 1_000_000,
        "" => 1_000_000_000,
        "k" => 1_000_000_000_000,
        "M" => 1_000_000_000_000_000,
        "G" => 1_000_000_000_000_000_000,
        "T" => 1_000_000_000_000_000_000_000,
        "Ki" => 1_000_000_000 << 10,
        "Mi" => 1_000_000_000 << 20,
        "Gi" => 1_000_000_000 << 30,
        "P" => 1_000_000_000_000_000_000_000_000,
        "Pi" => 1_000_000_000 << 50,
        "Ti" => 1_000_000_000 << 40,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.len() > 9 {
        return None;
    }
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    digits
        .checked_mul(scale)?
        .checked_div(10_i128.pow(u32::try_from(fraction.len()).ok()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn compares_values_and_not_spellings() {
        for (left, right) in [
            ("1", "1000m"),
            ("0.5", "500m"),
            ("1Gi", "1024Mi"),
            ("128Mi", "131072Ki"),
            ("1.5Gi", "1536Mi"),
        ] {
            assert!(equal(&json!(left), &json!(right)), "{left} {right}");
        }
        assert!(equal(&json!(1), &json!("1")));
        assert!(!equal(&json!("1"), &json!("1001m")));
        assert!(!equal(&json!("1Mi"), &json!("1M")));
        assert!(!equal(&json!("node"), &json!("nodes")));
    }
}
