//! The hand-written part of the signer's reference names everything that the code has, and nothing else.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test")]

use std::{collections::BTreeSet, fs, time::Duration};

use clap::FromArgMatches;
use serde_json::Value;
use signer::{
    backend::Effort,
    config::{self, Arguments, Config},
    http::{ApiError, Code},
    protocol::{Block, BlockKind, Kind, Link, Network, PublicKey, View, Vote},
    telemetry::{Audit, AuditConfig, AuditMode, Decision, Identity, Metrics, Outcome, Reason},
};

const REFERENCE: &str = concat!(
    include_str!("../../docs/src/reference/signer.md"),
    include_str!("../../docs/src/reference/signer-api.md"),
);

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
        assert!(words.contains(name), "the reference does not name the {what} {name}");
    }
}

#[test]
fn every_status_is_there() {
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
        // A new variant needs a new line in the list above.
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
fn every_default_that_the_help_states_is_the_one() {
    let directory = std::env::temp_dir().join(format!("atto-signer-defaults-{}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    let [key, token] = ["key", "token"].map(|name| directory.join(name));
    fs::write(&key, "0".repeat(64)).unwrap();
    fs::write(&token, "0123456789abcdef").unwrap();
    let read = |more: &[String]| {
        let own = ["signer", "--backend=LOCAL", "--capabilities=VOTE"].map(str::to_owned);
        let files = [("key", &key), ("token", &token)].map(|(name, file)| format!("--{name}-file={}", file.display()));
        let all = own.into_iter().chain(files).chain(more.iter().cloned());
        let matches = config::command().get_matches_from(all);
        let arguments = Arguments::from_arg_matches(&matches).unwrap();
        let config = Config::read(&arguments, &matches).unwrap();
        format!("{config:?}")
    };
    let stated = |argument: &clap::Arg| {
        let help = argument.get_help()?.to_string();
        let (_, default) = help.split_once("[default: ")?;
        let default = default.trim_end_matches(']');
        let flag = argument.get_long()?;
        // These settings are used only with a key service, and are tested there.
        if flag == "identity-token-file" || flag.starts_with("vault-") {
            return None;
        }
        // A default in words is not a value that a person could set.
        (!default.contains(' ')).then(|| format!("--{flag}={default}"))
    };
    let command = config::command();
    let defaults: Vec<_> = command.get_arguments().filter_map(stated).collect();
    assert!(defaults.len() > 5, "{defaults:?}");
    let silent = read(&[]);
    for default in defaults {
        assert_eq!(read(&[default]), silent);
    }
    fs::remove_dir_all(&directory).unwrap();
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
        audit.note_unauthorized();
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
            .filter(|field| !["seq", "time", "event"].contains(&field.as_str()))
            .cloned();
        if event == "decision" {
            decisions.extend(fields);
        } else {
            others.extend(fields);
        }
        events.insert(event);
    }
    // The audit trail's own tests cover dropped lines.
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
    assert_named("outcome", Outcome::LABELS.iter().copied());
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
