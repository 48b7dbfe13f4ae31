use std::{
    fs,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use prometheus::IntCounter;
use serde_json::Value;

use super::{
    Audit, AuditConfig, AuditMode, Decision,
    buffer::{CAPACITY, Shared},
    line::Line,
    sink::Sink,
    writer,
};
use crate::{
    backend::Effort,
    protocol::{Kind, PublicKey, View, Vote},
    telemetry::{Outcome, Reason},
};

fn vote(timestamp: i64) -> Vote {
    Vote {
        version: 0,
        public_key: PublicKey([1; 32]),
        block_hash: [0xAB; 32],
        timestamp,
    }
}

fn decision(vote: &Vote, outcome: Outcome) -> Decision<'_> {
    Decision {
        kind: Kind::Vote,
        message: Some(View::Vote(vote)),
        hash: Some(&[0xCD; 32]),
        outcome,
        reason: (outcome != Outcome::Signed).then_some(Reason::Deadline),
        duration: Duration::from_micros(1500),
        effort: Effort {
            attempts: 2,
            ..Effort::default()
        },
    }
}

fn counter() -> IntCounter {
    IntCounter::new("dropped", "dropped").unwrap()
}

/// A trail in its own file, and the file's lines once it is closed.
struct Trail {
    directory: PathBuf,
    audit: Audit,
}

impl Trail {
    fn start(name: &str, mode: AuditMode) -> Self {
        let directory = std::env::temp_dir().join(format!("atto-signer-audit-{name}-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let file = Some(directory.join("audit.jsonl"));
        let audit = Audit::start(&AuditConfig { mode, file }, counter()).unwrap();
        Self { directory, audit }
    }

    fn read(&self, file: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.directory.join(file)).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn end(&self) -> Vec<Value> {
        self.audit.close();
        self.read("audit.jsonl")
    }
}

impl Drop for Trail {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

#[test]
fn by_default_signed_votes_are_one_line_and_all_others_are_one_each() {
    let trail = Trail::start("decisions", AuditMode::Decisions);
    let (first, last) = (vote(1), vote(i64::MAX));
    for vote in [&first, &first, &last] {
        trail.audit.note(&decision(vote, Outcome::Signed));
    }
    trail.audit.note(&decision(&first, Outcome::Failed));
    let lines = trail.end();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(lines[0]["event"], "decision");
    assert_eq!(lines[0]["outcome"], "failed");
    assert_eq!(lines[0]["reason"], "deadline");
    assert_eq!(lines[0]["final"], false);
    let votes = &lines[1];
    assert_eq!(votes["event"], "votes");
    assert_eq!(
        (&votes["signed"], &votes["final"], &votes["failed"]),
        (&3.into(), &1.into(), &1.into())
    );
}

#[test]
fn everything_is_a_line_with_what_a_person_asks_for() {
    let trail = Trail::start("all", AuditMode::All);
    trail.audit.note(&decision(&vote(i64::MAX), Outcome::Signed));
    let lines = trail.end();
    assert_eq!(lines.len(), 1, "{lines:?}");
    let mut line = lines[0].clone();
    assert_eq!(line.as_object_mut().unwrap().remove("seq"), Some(1.into()));
    let time = line["time"].take();
    assert!(time.as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{time}");
    let expected = serde_json::json!({
        "time": null, "event": "decision", "kind": "VOTE", "outcome": "signed", "hash": "CD".repeat(32),
        "blockHash": "AB".repeat(32), "final": true, "durationMs": 1.5, "attempts": 2, "cached": false,
    });
    assert_eq!(line, expected);
}

#[test]
fn off_makes_no_file() {
    let trail = Trail::start("off", AuditMode::Off);
    trail.audit.note(&decision(&vote(1), Outcome::Failed));
    trail.audit.close();
    assert!(!trail.directory.join("audit.jsonl").exists());
}

#[test]
fn a_file_that_was_moved_away_is_made_anew() {
    let trail = Trail::start("moved", AuditMode::All);
    let (current, moved) = ("audit.jsonl", "audit.jsonl.1");
    trail.audit.note(&decision(&vote(1), Outcome::Signed));
    let limit = Instant::now() + Duration::from_secs(10);
    while trail.read(current).is_empty() {
        assert!(Instant::now() < limit, "nothing was written");
        thread::yield_now();
    }
    fs::rename(trail.directory.join(current), trail.directory.join(moved)).unwrap();
    trail.audit.note(&decision(&vote(2), Outcome::Signed));
    assert_eq!((trail.end().len(), trail.read(moved).len()), (1, 1));
}

#[test]
fn what_does_not_fit_is_dropped_counted_and_owned_up_to() {
    let shared = Shared::new(counter());
    for _ in 0..CAPACITY + 3 {
        let line = Line::decision(&decision(&vote(1), Outcome::Signed));
        shared.push(&line);
    }
    assert_eq!(shared.dropped.get(), 3);
    shared.lock().is_closed = true;
    let trail = Trail::start("full", AuditMode::Off);
    let path = trail.directory.join("audit.jsonl");
    writer::run(&shared, Sink::open(Some(&path)).unwrap());
    let lines = trail.read("audit.jsonl");
    assert_eq!(lines.len(), CAPACITY + 1);
    assert_eq!(lines[CAPACITY]["event"], "missing");
    assert_eq!(lines[CAPACITY]["lines"], 3);
    assert_eq!(lines[CAPACITY - 1]["seq"], CAPACITY);
    assert_eq!(lines[CAPACITY]["seq"], CAPACITY + 3 + 1, "the gap is what is missing");
}

#[test]
fn who_has_no_token_gets_two_lines_a_minute_and_no_more() {
    for mode in [AuditMode::Decisions, AuditMode::All] {
        let trail = Trail::start(&format!("unauthorized-{mode:?}"), mode);
        trail.audit.note(&decision(&vote(1), Outcome::Failed));
        for _ in 0..100_000 {
            trail.audit.note_unauthorized();
        }
        let lines = trail.end();
        let told: Vec<_> = lines.iter().filter(|line| line["event"] == "unauthorized").collect();
        assert_eq!(told.len(), 2, "{lines:?}");
        assert_eq!((&told[0]["count"], &told[1]["count"]), (&1.into(), &99_999.into()));
        let numbers: Vec<_> = lines.iter().filter_map(|line| line["seq"].as_u64()).collect();
        assert_eq!(numbers, (1..=lines.len() as u64).collect::<Vec<_>>());
    }
}

#[test]
fn figures_outlive_a_place_that_cannot_be_written() {
    let (trail, dropped) = (Trail::start("figures", AuditMode::Off), counter());
    let path = trail.directory.join("audit.jsonl");
    std::os::unix::fs::symlink("/dev/full", &path).unwrap();
    let audit = Audit::start(
        &AuditConfig {
            mode: AuditMode::Decisions,
            file: Some(path.clone()),
        },
        dropped.clone(),
    )
    .unwrap();
    for _ in 0..5 {
        audit.note(&decision(&vote(1), Outcome::Signed));
    }
    audit.note(&decision(&vote(1), Outcome::Failed));
    let limit = Instant::now() + Duration::from_secs(10);
    while dropped.get() == 0 {
        assert!(Instant::now() < limit, "nothing was tried");
        thread::yield_now();
    }
    fs::remove_file(&path).unwrap();
    audit.close();
    let lines = trail.read("audit.jsonl");
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!((&lines[0]["event"], &lines[0]["signed"]), (&"votes".into(), &5.into()));
    assert_eq!((&lines[1]["event"], &lines[1]["lines"]), (&"missing".into(), &1.into()));
    assert_eq!(lines[0]["seq"], 2, "the first is the one that was lost");
}

#[test]
fn a_place_that_cannot_be_written_costs_lines_and_nothing_else() {
    let dropped = counter();
    // A device that is always full.
    let config = AuditConfig {
        mode: AuditMode::All,
        file: Some("/dev/full".into()),
    };
    let audit = Audit::start(&config, dropped.clone()).unwrap();
    audit.note(&decision(&vote(1), Outcome::Signed));
    audit.close();
    assert_eq!(dropped.get(), 1);

    let missing = AuditConfig {
        mode: AuditMode::All,
        file: Some("/dev/null/audit".into()),
    };
    assert!(Audit::start(&missing, counter()).is_err());
}
