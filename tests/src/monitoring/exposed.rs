//! The metrics, labels and values of a program, from Prometheus' text format.

use std::collections::{BTreeMap, BTreeSet};

/// Values by label.
pub type Labels = BTreeMap<String, BTreeSet<String>>;

/// Labels by metric; `_bucket`, `_sum` and `_count` are separate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exposed(BTreeMap<String, Labels>);

impl Exposed {
    /// The union of these texts.
    pub fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut exposed = Self::default();
        let lines = texts.into_iter().flat_map(str::lines);
        for line in lines.filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let end = line.find(['{', ' ']).unwrap_or(line.len());
            let labels = exposed.0.entry(line[..end].to_owned()).or_default();
            let mut rest = line[end..].strip_prefix('{').unwrap_or_default();
            // Values contain no quotes.
            while let Some((label, after)) = rest.split_once("=\"") {
                let (value, after) = after.split_once('"').unwrap_or((after, ""));
                labels.entry(label.to_owned()).or_default().insert(value.to_owned());
                rest = after.trim_start_matches(',');
            }
        }
        exposed
    }

    /// The labels of a metric, if it exists.
    pub fn labels(&self, metric: &str) -> Option<&Labels> {
        self.0.get(metric)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_values_are_gathered_over_all_series() {
        let exposed = Exposed::of([
            "# TYPE a counter\na{x=\"1\",y=\"u, v\"} 1\na{x=\"2\",y=\"w\"} 2\n",
            "b_sum 3\n",
        ]);
        let set = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<BTreeSet<_>>();
        let labels = exposed.labels("a").unwrap();
        assert_eq!((&labels["x"], &labels["y"]), (&set(&["1", "2"]), &set(&["u, v", "w"])));
        assert_eq!(exposed.labels("b_sum"), Some(&Labels::new()));
        assert_eq!(exposed.labels("b"), None);
    }
}
