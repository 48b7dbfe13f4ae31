//! Reads a metric from Prometheus' text format.

use anyhow::{Context, Result};

/// The sum of all series of this name.
///
/// # Errors
/// If there is none.
pub fn sum(text: &str, name: &str) -> Result<f64> {
    let values = text.lines().filter_map(|line| {
        let rest = line.strip_prefix(name).filter(|rest| rest.starts_with([' ', '{']))?;
        rest.rsplit(' ').next()?.parse::<f64>().ok()
    });
    values
        .reduce(|one, other| one + other)
        .with_context(|| format!("there is no metric {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_added_and_longer_names_are_others() {
        let text = "# HELP a b 7\n# TYPE a counter\na{code=\"x y\"} 1\na{code=\"z\"} 2\na_more 4\nb 8\n";
        assert_eq!((sum(text, "a").unwrap(), sum(text, "b").unwrap()), (3.0, 8.0));
        assert!(sum(text, "c").is_err());
    }
}
