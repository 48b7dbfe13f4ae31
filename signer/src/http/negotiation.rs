//! `Content-Type` and `Accept`: the API speaks JSON only.

use http::{HeaderMap, header};

const JSON: &str = "application/json";

/// Whether the content type is JSON, with any parameters.
pub fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    essence(content_type).eq_ignore_ascii_case(JSON)
}

/// Whether the client accepts JSON. Without the header, it accepts everything.
pub fn accepts_json(headers: &HeaderMap) -> bool {
    let mut ranges = headers.get_all(header::ACCEPT).iter().peekable();
    if ranges.peek().is_none() {
        return true;
    }
    let mut best = (0, false);
    for value in ranges {
        for range in value.to_str().unwrap_or("").split(',') {
            let specificity = match essence(range) {
                name if name.eq_ignore_ascii_case(JSON) => 3,
                name if name.eq_ignore_ascii_case("application/*") => 2,
                "*/*" => 1,
                _ => continue,
            };
            if specificity > best.0 {
                best = (specificity, !is_excluded(range));
            }
        }
    }
    best.1
}

fn essence(value: &str) -> &str {
    value.split(';').next().unwrap_or("").trim()
}

/// Whether a range has the quality zero, which excludes it.
fn is_excluded(range: &str) -> bool {
    range
        .split(';')
        .skip(1)
        .filter_map(|parameter| parameter.split_once('='))
        .any(|(name, value)| {
            name.trim().eq_ignore_ascii_case("q") && value.trim().parse::<f32>().is_ok_and(|quality| quality <= 0.0)
        })
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, header};

    use super::*;

    #[test]
    fn json_is_told_by_its_name_alone() {
        let is = |value| {
            is_json(&HeaderMap::from_iter([(
                header::CONTENT_TYPE,
                HeaderValue::from_static(value),
            )]))
        };
        for value in [
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            "application/json;x=y",
        ] {
            assert!(is(value), "{value}");
        }
        for value in [
            "",
            "text/plain",
            "application/jsonp",
            "application/x-www-form-urlencoded",
            "json",
        ] {
            assert!(!is(value), "{value}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }

    #[test]
    fn the_most_specific_range_decides() {
        let accepts = |value| {
            accepts_json(&HeaderMap::from_iter([(
                header::ACCEPT,
                HeaderValue::from_static(value),
            )]))
        };
        let fine = [
            "application/json",
            "*/*",
            "application/*",
            "text/html, */*;q=0.1",
            "text/html,APPLICATION/JSON",
        ];
        for value in fine {
            assert!(accepts(value), "{value}");
        }
        for value in [
            "text/html",
            "",
            "application/json;q=0, */*",
            "*/*;q=0",
            "application/xml",
            "application/json; q=0.0",
        ] {
            assert!(!accepts(value), "{value}");
        }
        assert!(accepts_json(&HeaderMap::new()));
    }
}
