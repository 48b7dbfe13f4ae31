//! The names in a PromQL expression. It is read word by word, which suffices for names; promtool checks the syntax.

use std::collections::BTreeSet;

/// Words before a list of labels.
const LISTS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];
/// Words that stand alone.
const OPERATORS: [&str; 6] = ["and", "or", "unless", "bool", "offset", "atan2"];
/// A list of labels may follow these, instead of a parenthesis.
const AGGREGATIONS: [&str; 5] = ["sum", "min", "max", "count", "avg"];

/// A metric, with its label matchers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    pub metric: String,
    pub matchers: Vec<Matcher>,
}

/// `label operator "value"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matcher {
    pub label: String,
    pub operator: String,
    pub value: String,
}

impl Matcher {
    /// The values in it. Empty if a dashboard variable determines them.
    pub fn values(&self) -> Vec<&str> {
        if self.value.starts_with('$') {
            return Vec::new();
        }
        if self.operator.ends_with('~') {
            self.value.split('|').collect()
        } else {
            vec![&self.value]
        }
    }
}

/// The names in an expression.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    pub selectors: Vec<Selector>,
    /// Labels by which series are grouped or joined.
    pub grouped_by: BTreeSet<String>,
}

/// Parses an expression.
pub fn names(expression: &str) -> Names {
    let mut names = Names::default();
    let mut rest = Rest(expression);
    while let Some(first) = rest.0.chars().next() {
        if first == '"' {
            rest.quoted();
        } else if first == '[' {
            rest.until(']');
        } else if first == '$' || first.is_ascii_digit() {
            rest.0 = &rest.0[first.len_utf8()..];
            rest.word();
        } else if is_of_a_word(first) {
            let word = rest.word();
            let next = rest.0.trim_start().chars().next();
            if LISTS.contains(&word) {
                rest.until('(');
                names.grouped_by.extend(list(rest.until(')')));
            } else if !OPERATORS.contains(&word) && !AGGREGATIONS.contains(&word) && next != Some('(') {
                names.selectors.push(Selector {
                    metric: word.to_owned(),
                    matchers: rest.matchers(),
                });
            }
        } else {
            rest.0 = &rest.0[first.len_utf8()..];
        }
    }
    names
}

fn list(text: &str) -> impl Iterator<Item = String> {
    let labels = text.split(',').map(str::trim);
    labels.filter(|label| !label.is_empty()).map(str::to_owned)
}

fn is_of_a_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | ':' | '.')
}

/// The unread rest.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn word(&mut self) -> &'a str {
        let end = self.0.find(|character| !is_of_a_word(character));
        let (word, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = rest;
        word
    }

    /// Reads up to and including this character.
    fn until(&mut self, end: char) -> &'a str {
        let (text, rest) = self.0.split_once(end).unwrap_or((self.0, ""));
        self.0 = rest;
        text
    }

    /// Reads a string that begins here, without its quotes.
    fn quoted(&mut self) -> &'a str {
        self.until('"');
        self.until('"')
    }

    fn matchers(&mut self) -> Vec<Matcher> {
        let mut matchers = Vec::new();
        let Some(inside) = self.0.trim_start().strip_prefix('{') else {
            return matchers;
        };
        self.0 = inside;
        loop {
            self.0 = self.0.trim_start_matches([',', ' ', '\n']);
            let label = self.word().to_owned();
            if label.is_empty() {
                self.until('}');
                return matchers;
            }
            let operator = self.0.split('"').next().unwrap_or_default().trim().to_owned();
            let value = self.quoted().to_owned();
            matchers.push(Matcher { label, operator, value });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_matchers_and_groups_are_told_apart() {
        let found = names(
            r#"histogram_quantile(0.99, sum by (pod, le) (rate(a_bucket{kind="vote",code=~"A|B"}[5m])))
               / on (pod) group_left () b > 0.1 or absent(c) and $price * 1e3 unless vector(0) == d{e=~"$e"}"#,
        );
        let metrics: Vec<_> = found.selectors.iter().map(|one| one.metric.as_str()).collect();
        assert_eq!(metrics, ["a_bucket", "b", "c", "d"]);
        assert_eq!(found.grouped_by, ["pod", "le"].map(str::to_owned).into());
        let [kind, code] = &found.selectors[0].matchers[..] else {
            panic!("{found:?}")
        };
        assert_eq!((kind.label.as_str(), kind.values()), ("kind", vec!["vote"]));
        assert_eq!((code.operator.as_str(), code.values()), ("=~", vec!["A", "B"]));
        assert_eq!(found.selectors[3].matchers[0].values(), Vec::<&str>::new());
    }
}
