//! An aim, and its result.

use std::time::Duration;

/// A line of the table.
pub struct Row {
    what: String,
    aim: String,
    measured: String,
    holds: bool,
}

impl Row {
    /// A figure of this unit with a maximum.
    pub fn at_most(what: &str, unit: &str, most: f64, measured: f64) -> Self {
        Self {
            what: what.to_owned(),
            aim: format!("at most {}", figure(most, unit)),
            measured: figure(measured, unit),
            holds: measured <= most,
        }
    }

    /// A count that must be exact.
    pub fn exactly(what: &str, aim: u64, measured: u64) -> Self {
        Self {
            what: what.to_owned(),
            aim: aim.to_string(),
            measured: measured.to_string(),
            holds: measured == aim,
        }
    }

    /// The maximum duration of an answer.
    pub fn slowest_answer(measured: Duration) -> Self {
        Self::at_most("slowest answer", "ms", 950.0, milliseconds(measured))
    }

    /// Adds a note to the measured value.
    #[must_use]
    pub fn with(mut self, more: &str) -> Self {
        self.measured = format!("{} ({more})", self.measured);
        self
    }

    /// Succeeds only if this does as well.
    #[must_use]
    pub fn only_if(mut self, holds: bool) -> Self {
        self.holds &= holds;
        self
    }

    fn failed(error: &anyhow::Error) -> Self {
        Self {
            what: "could not be measured".to_owned(),
            aim: String::new(),
            measured: format!("{error:#}").replace(['\n', '|'], " "),
            holds: false,
        }
    }
}

/// Converts a duration.
pub fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// Converts a count that is far below 2^52.
#[expect(clippy::cast_precision_loss, reason = "some thousand votes, some million bytes")]
pub fn float(count: u64) -> f64 {
    count as f64
}

fn figure(value: f64, unit: &str) -> String {
    let decimals = if value.fract() == 0.0 || value.abs() >= 100.0 {
        0
    } else {
        2
    };
    format!("{value:.decimals$} {unit}").trim_end().to_owned()
}

/// The printed table.
pub struct Table {
    holds: bool,
}

impl Table {
    /// Prints the heading.
    pub fn begin() -> Self {
        println!("| what | aim | measured | |");
        println!("|---|---|---|---|");
        Self { holds: true }
    }

    /// Prints the rows of one part.
    pub fn add(&mut self, name: &str, rows: anyhow::Result<Vec<Row>>) {
        for row in rows.unwrap_or_else(|error| vec![Row::failed(&error)]) {
            println!("{}", line(name, &row));
            self.holds &= row.holds;
        }
    }

    pub const fn all_hold(&self) -> bool {
        self.holds
    }
}

fn line(name: &str, row: &Row) -> String {
    let Row {
        what,
        aim,
        measured,
        holds,
    } = row;
    let verdict = if *holds { "holds" } else { "**missed**" };
    format!("| {name}: {what} | {aim} | {measured} | {verdict} |")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_whether_its_aim_is_met() {
        let row = Row::at_most("memory", "MiB", 64.0, 12.345).with("of 3");
        assert_eq!(
            line("flood", &row),
            "| flood: memory | at most 64 MiB | 12.35 MiB (of 3) | holds |"
        );
        let row = Row::exactly("votes lost", 0, 1);
        assert_eq!(line("flood", &row), "| flood: votes lost | 0 | 1 | **missed** |");
        assert!(!Row::exactly("", 1, 1).only_if(false).holds);
        assert!(
            !Row::at_most("", "", 1.0, f64::NAN).holds,
            "what was not measured holds nothing"
        );
    }

    #[test]
    fn one_missed_aim_and_one_part_that_failed_are_enough() {
        let mut table = Table::begin();
        table.add("a", Ok(vec![Row::exactly("", 1, 1)]));
        assert!(table.all_hold());
        table.add("b", Err(anyhow::anyhow!("the signer ended")));
        assert!(!table.all_hold());
    }
}
