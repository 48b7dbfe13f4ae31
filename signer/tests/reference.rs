//! docs/signer.md names what the code has, and nothing that it has not.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test")]

use std::{collections::BTreeSet, fs, time::Duration};

use serde_json::Value;
use signer::{
    backend::{Cause, Effort},
    cli,
    http::{ApiError, Code},
    policy::Rule,
    protocol::{Block, BlockKind, Kind, Link, Network, PublicKey, View, Vote},
    telemetry::{Audit, AuditConfig, AuditMode, Decision, Health, Identity, Metrics, Outcome, Reason},
};

const REFERENCE: &str = include_str!("../../docs/signer.md");

/// The words in backquotes that begin like this.
fn quoted(prefix: &str) -> BTreeSet<&'static str> {
    let words = REFERENCE.split('`').skip(1).step_by(2);
    words.filter(|word| word.starts_with(prefix)).collect()
}

/// First cells of the rows of the table under this header row.
fn rows(header: &str) -> BTreeSet<&'static str> {
    let (_, table) = REFERENCE
        .split_once(header)
        .unwrap_or_else(|| panic!("{header} is gone"));
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.flat_map(|row| {
        row.split('|')
            .nth(1)
            .unwrap()
            .split(", ")
            .map(|cell| cell.trim().trim_matches('`'))
    })
    .collect()
}

fn assert_named<'a>(what: &str, names: impl IntoIterator<Item = &'a str>) {
    let words: BTreeSet<&str> = REFERENCE
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .collect();
    for name in names {
        assert!(words.contains(name), "docs/signer.md does not name the {what} {name}");
    }
}

#[test]
fn every_variable_and_command_is_there() {
    let command = cli::command();
    let known: BTreeSet<String> = command
        .get_arguments()
        .filter_map(|argument| Some(argument.get_env()?.to_str()?.to_owned()))
        .collect();
    let rows: BTreeSet<String> = [
        rows("| variable | default | meaning |"),
        rows("| variable | forbids | says |"),
    ]
    .iter()
    .flatten()
    .map(|variable| (*variable).to_owned())
    .collect();
    assert_eq!(rows, known);
    let commands = rows_of_commands();
    for subcommand in command.get_subcommands().filter(|command| command.get_name() != "help") {
        let name = format!("signer {}", subcommand.get_name());
        assert!(
            commands.iter().any(|row| row.starts_with(&name)),
            "{name} is missing in {commands:?}"
        );
    }
}

fn rows_of_commands() -> BTreeSet<&'static str> {
    rows("| command | what it does |")
}

#[test]
fn every_exit_code_and_status_is_there() {
    let codes = [0, cli::USAGE, cli::UNAVAILABLE, cli::PERMISSION, cli::CONFIGURATION].map(|code| code.to_string());
    assert_eq!(
        rows("| exit code | meaning |"),
        codes.iter().map(String::as_str).collect()
    );

    let all = [
        ApiError::Unauthorized,
        ApiError::NotFound,
        ApiError::MethodNotAllowed("GET"),
        ApiError::NotAcceptable,
        ApiError::TooLarge,
        ApiError::UnsupportedMediaType,
        ApiError::Incomplete,
        ApiError::Retry(Code::Internal),
    ];
    let statuses = rows("| status | when | body |");
    for error in all {
        // Another variant is another line in the list above.
        match &error {
            ApiError::Invalid(_) | ApiError::Refused(_) => assert_eq!(error.status(), 400),
            ApiError::Unauthorized
            | ApiError::NotFound
            | ApiError::MethodNotAllowed(_)
            | ApiError::NotAcceptable
            | ApiError::TooLarge
            | ApiError::UnsupportedMediaType
            | ApiError::Incomplete
            | ApiError::Retry(_) => assert!(statuses.contains(error.status().as_str()), "{error:?}: {statuses:?}"),
        }
    }
    assert!(statuses.contains("400"));
    assert_named(
        "code",
        ["BACKEND_UNAVAILABLE", "DEADLINE", "OVERLOADED", "DRAINING", "INTERNAL"],
    );
}

#[test]
fn every_metric_and_label_is_there() {
    let metrics = Metrics::new("GCP").unwrap();
    let _backend = metrics.add_backend().unwrap();
    metrics.show_key(&identity());
    let text = String::from_utf8(metrics.render(&Health::default())).unwrap();
    let names: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .collect();
    assert!(names.len() > 15, "{names:?}");
    assert_named("metric", names.iter().copied());
    let told = quoted("atto_signer_")
        .into_iter()
        .map(|name| name.split('{').next().unwrap());
    assert_eq!(told.collect::<BTreeSet<_>>(), names);
    assert_named("reason", Reason::LABELS.iter().copied());
    assert_named("outcome", Outcome::LABELS.iter().copied());
    assert_named("code", Cause::ALL.map(Cause::name));
    for rule in Rule::ALL {
        let row = format!("| `ATTO_SIGNER_POLICY_{}` |", rule.name());
        let row = REFERENCE
            .lines()
            .find(|line| line.starts_with(&row))
            .unwrap_or_else(|| panic!("{row} is missing"));
        assert!(row.ends_with(&format!("| {} |", rule.complaint())), "{row}");
    }
}

#[test]
fn every_audit_field_is_there() {
    let file = std::env::temp_dir().join(format!("atto-signer-reference-{}.jsonl", std::process::id()));
    let trail = |mode| {
        let config = AuditConfig {
            mode,
            file: Some(file.clone()),
        };
        let audit = Audit::start(&config, Metrics::new("LOCAL").unwrap().audit_dropped).unwrap();
        audit.begin(&identity());
        note(&audit);
        audit.close();
    };
    trail(AuditMode::All);
    trail(AuditMode::Decisions);
    let text = fs::read_to_string(&file).unwrap();
    fs::remove_file(&file).unwrap();
    let (mut events, mut decisions, mut others) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let event = line["event"].as_str().unwrap().to_owned();
        let fields = line
            .as_object()
            .unwrap()
            .keys()
            .filter(|field| *field != "time" && *field != "event")
            .cloned();
        if event == "decision" {
            decisions.extend(fields);
        } else {
            others.extend(fields);
        }
        events.insert(event);
    }
    // When lines are dropped is for the audit's own tests.
    events.insert("missing".to_owned());
    let owned = |names: BTreeSet<&str>| names.into_iter().map(str::to_owned).collect::<BTreeSet<_>>();
    let told = owned(rows("| field of a decision | meaning |"));
    assert_eq!(
        told.iter()
            .map(|name| name.trim_matches('`').to_owned())
            .collect::<BTreeSet<_>>(),
        decisions
    );
    assert_eq!(owned(rows("| event | fields |")), events);
    assert_named("audit field", others.iter().map(String::as_str));
}

fn note(audit: &Audit) {
    let vote = Vote {
        version: 0,
        public_key: PublicKey([1; 32]),
        block_hash: [2; 32],
        timestamp: 3,
    };
    let send = Block {
        network: Network::Local,
        version: 0,
        public_key: PublicKey([1; 32]),
        balance: 1,
        timestamp: 1,
        kind: BlockKind::Send {
            link: Link {
                height: 2,
                previous: [3; 32],
            },
            receiver: PublicKey([4; 32]),
            amount: 5,
        },
    };
    let mut decision = Decision {
        kind: Kind::Vote,
        message: Some(View::Vote(&vote)),
        hash: Some(&[5; 32]),
        outcome: Outcome::Signed,
        reason: None,
        duration: Duration::from_millis(1),
        effort: Effort::default(),
    };
    audit.note(&decision);
    decision = Decision {
        kind: Kind::Block,
        message: Some(View::Block(&send)),
        ..decision
    };
    audit.note(&decision);
    audit.note(&Decision {
        outcome: Outcome::Refused,
        reason: Some(Reason::PolicyNetworks),
        ..decision
    });
}

fn identity() -> Identity {
    Identity {
        public_key: "AB".to_owned(),
        address: "atto://ab".to_owned(),
        backend: "LOCAL",
        capabilities: vec!["VOTE"],
        version: "0",
    }
}
