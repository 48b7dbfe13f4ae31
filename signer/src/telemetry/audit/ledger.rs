//! Numbers the trail's lines, and keeps unwritten sums after a failed write.

use std::io::Write;

use super::{line::Line, votes::Figures};

/// The content of the buffer.
#[derive(Debug, Default)]
pub struct Taken {
    /// Whole lines without their numbers.
    pub lines: Vec<u8>,
    /// Their number.
    pub count: u64,
    /// The number of later lines that were dropped because the buffer was full.
    pub missing: u64,
    /// The sums, if they are due.
    pub sums: Sums,
}

/// Events that are summed up instead of having a line each.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sums {
    pub votes: Figures,
    pub unauthorized: u64,
}

/// Numbers lines, including lost ones, so that readers can detect missing lines by a gap. Sums that could not be written are kept
/// until a write succeeds.
#[derive(Debug, Default)]
pub struct Ledger {
    last: u64,
    // Numbers up to this one are used, even if the batch fails.
    spent: u64,
    under_way: u64,
    missing: u64,
    sums: Sums,
}

impl Ledger {
    /// The next batch, to be written as a whole.
    pub fn batch(&mut self, taken: &Taken) -> Vec<u8> {
        let mut batch = Vec::with_capacity(taken.lines.len() + taken.lines.len() / 8 + 256);
        for line in taken.lines.split_inclusive(|byte| *byte == b'\n') {
            self.write(&mut batch, line);
        }
        self.last += taken.missing;
        self.spent = self.last;
        self.under_way = taken.count;
        self.missing += taken.missing;
        self.sums.votes.add(&taken.sums.votes);
        self.sums.unauthorized += taken.sums.unauthorized;
        if !self.sums.votes.is_empty() {
            self.write(&mut batch, Line::votes(&self.sums.votes).as_ref());
        }
        if self.sums.unauthorized > 0 {
            self.write(&mut batch, Line::unauthorized(self.sums.unauthorized).as_ref());
        }
        if self.missing > 0 {
            self.write(&mut batch, Line::missing(self.missing).as_ref());
        }
        batch
    }

    /// The batch was written.
    pub fn settle(&mut self) {
        self.missing = 0;
        self.sums = Sums::default();
    }

    /// The batch was not written. Returns how many lines are lost with it.
    pub fn fail(&mut self) -> u64 {
        self.last = self.spent;
        self.missing += self.under_way;
        self.under_way
    }

    fn write(&mut self, batch: &mut Vec<u8>, line: &[u8]) {
        self.last += 1;
        if let Some(rest) = line.strip_prefix(b"{") {
            // Writing to memory does not fail.
            let _ = write!(batch, "{{\"seq\":{},", self.last);
            batch.extend_from_slice(rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;
    use crate::{
        backend::Effort,
        protocol::Kind,
        telemetry::{
            audit::{decision::Decision, votes::Votes},
            labels::Outcome,
        },
    };

    fn taken(count: u64, missing: u64) -> Taken {
        let lines = (0..count).flat_map(|_| b"{\"event\":\"x\"}\n".to_vec());
        Taken {
            lines: lines.collect(),
            count,
            missing,
            sums: Sums::default(),
        }
    }

    fn with_sums(mut taken: Taken, votes: u64, unauthorized: u64) -> Taken {
        let counted = Votes::default();
        for _ in 0..votes {
            counted.count(&Decision {
                kind: Kind::Vote,
                message: None,
                hash: None,
                outcome: Outcome::Signed,
                reason: None,
                duration: Duration::from_millis(votes),
                effort: Effort::default(),
            });
        }
        taken.sums = Sums {
            votes: counted.take(),
            unauthorized,
        };
        taken
    }

    /// Number and event of each line, and its main figure.
    fn read(batch: &[u8]) -> Vec<(u64, String, Value)> {
        let lines = std::str::from_utf8(batch).unwrap().lines();
        let lines = lines.map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            let figure = ["signed", "count", "lines"].iter().find_map(|name| line.get(name));
            let event = line["event"].as_str().unwrap().to_owned();
            (
                line["seq"].as_u64().unwrap(),
                event,
                figure.cloned().unwrap_or_default(),
            )
        });
        lines.collect()
    }

    fn line(seq: u64, event: &str, figure: u64) -> (u64, String, Value) {
        let figure = if event == "x" { Value::Null } else { json!(figure) };
        (seq, event.to_owned(), figure)
    }

    #[test]
    fn lines_are_numbered_and_what_was_dropped_is_a_gap() {
        let mut ledger = Ledger::default();
        assert_eq!(read(&ledger.batch(&taken(2, 0))), [line(1, "x", 0), line(2, "x", 0)]);
        ledger.settle();
        let batch = read(&ledger.batch(&taken(1, 3)));
        assert_eq!(batch, [line(3, "x", 0), line(7, "missing", 3)]);
        ledger.settle();
        assert_eq!(
            read(&ledger.batch(&with_sums(taken(0, 0), 0, 9))),
            [line(8, "unauthorized", 9)]
        );
    }

    #[test]
    fn what_a_failed_write_summed_up_is_told_by_the_next_one() {
        let mut ledger = Ledger::default();
        assert_eq!(read(&ledger.batch(&with_sums(taken(2, 1), 5, 4))).len(), 5);
        assert_eq!(ledger.fail(), 2, "sums are no loss");
        ledger.batch(&with_sums(taken(1, 0), 2, 3));
        assert_eq!(ledger.fail(), 1);
        let told = read(&ledger.batch(&taken(1, 0)));
        let expected = [
            line(5, "x", 0),
            line(6, "votes", 7),
            line(7, "unauthorized", 7),
            line(8, "missing", 4),
        ];
        assert_eq!(told, expected);
        ledger.settle();
        assert!(ledger.batch(&taken(0, 0)).is_empty());
    }
}
