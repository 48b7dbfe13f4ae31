//! `kubectl atto-signer status`.

use std::fmt::Write as _;

use super::bindings::{self, ListArgs, NamespaceArgs};
use super::output::{self, Format};
use super::row::Row;
use crate::cluster::connect::Choice;
use crate::commands::terminal::Terminal;
use crate::commands::{self, Failure};
use crate::model::text::one_line;

/// Kubernetes limits a message to 32 KiB. The important part is at its beginning.
const LONGEST: usize = 1_000;

/// Where the words begin after their label.
const INDENT: usize = 12;

/// Prints the operator's report. Also returns whether all bindings are ready.
///
/// # Errors
/// The binding does not exist, or the API server does not answer.
pub async fn status(choice: Choice, arguments: ListArgs) -> Result<(String, bool), Failure> {
    let ListArgs {
        name,
        namespace,
        output,
    } = arguments;
    let client = commands::connect(choice).await?;
    let found = bindings::find(&client, &namespace, name.as_ref()).await?;
    let rows: Vec<_> = found.iter().map(Row::of).collect();
    let is_ready = rows.iter().all(Row::is_ready);
    let text = match output::list(output, "SignerBindingStatusList", &rows) {
        Some(text) => text?,
        None if rows.is_empty() => nothing(&namespace, client.default_namespace()),
        None => text(&rows, output == Format::Wide || name.is_some(), Terminal::of_output()),
    };
    Ok((text, is_ready))
}

fn nothing(of: &NamespaceArgs, default: &str) -> String {
    if of.all_namespaces {
        return "No SignerBindings in the cluster.\n".to_owned();
    }
    let namespace = of.namespace.as_deref().unwrap_or(default);
    format!("No SignerBindings in namespace {namespace}; -A takes all namespaces.\n")
}

/// A table, followed by the next steps. It has no addresses, because they do not fit into most terminals.
fn text(rows: &[Row], is_wide: bool, terminal: Terminal) -> String {
    let mut text = table(rows, terminal);
    for row in rows.iter().filter(|row| is_wide || !row.next.is_empty()) {
        let _ = writeln!(text, "\n{}/{}", row.namespace, row.name);
        let mut say = |about: &str, words: &str| {
            let words = one_line(words, LONGEST);
            let (words, command) = apart(&words);
            let _ = writeln!(text, "  {about:<9} {}", terminal.wrapped(words, INDENT));
            if let Some(command) = command {
                let _ = writeln!(text, "{:INDENT$}{command}", "");
            }
        };
        if is_wide {
            for (about, value) in [("address", &row.address), ("key", &row.key)] {
                if let Some(value) = value {
                    say(about, value);
                }
            }
            for target in &row.targets {
                let injected = if target.injected { "injected" } else { "not injected" };
                say(
                    "target",
                    &format!("deployment/{}, {injected}, pods {}", target.name, target.pods),
                );
            }
            if !row.is_ready() {
                say("ready", &row.message);
            }
        }
        for (index, step) in row.next.iter().enumerate() {
            say(if index == 0 { "next" } else { "" }, step);
        }
    }
    text
}

/// A command at the end of a text gets a line of its own, so that it can be copied whole.
fn apart(words: &str) -> (&str, Option<&str>) {
    let command = words.rfind(": kubectl ").map(|colon| words.split_at(colon + 1));
    match command {
        Some((words, command)) if !command.contains(". ") => (words, Some(command.trim_start())),
        _ => (words, None),
    }
}

fn table(rows: &[Row], terminal: Terminal) -> String {
    let header = ["NAMESPACE", "NAME", "READY", "REASON", "SIGNING", "PODS"];
    let cells: Vec<[&str; 6]> = rows
        .iter()
        .map(|row| {
            let pods = row.pods.as_deref().unwrap_or("-");
            [&row.namespace, &row.name, &row.ready, &row.reason, &row.signing, pods].map(|cell| cell)
        })
        .collect();
    let widths: [usize; 6] = std::array::from_fn(|at| {
        let longest = cells.iter().map(|cells| cells[at].chars().count()).max();
        longest.unwrap_or_default().max(header[at].len())
    });
    let mut text = String::new();
    for (is_header, cells) in [(true, header)]
        .into_iter()
        .chain(cells.into_iter().map(|cells| (false, cells)))
    {
        let padded = cells.iter().zip(widths).enumerate().map(|(at, (cell, width))| {
            let padded = if at == 5 {
                (*cell).to_owned()
            } else {
                format!("{cell:<width$}")
            };
            if !is_header && [2, 4].contains(&at) {
                terminal.status(cell, &padded)
            } else {
                padded
            }
        });
        let _ = writeln!(text, "{}", padded.collect::<Vec<_>>().join("  "));
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(binding: serde_json::Value) -> Row {
        Row::of(&serde_json::from_value(binding).unwrap())
    }

    fn binding(name: &str, status: &serde_json::Value) -> serde_json::Value {
        json!({
            "apiVersion": "signer.atto.cash/v1alpha1", "kind": "SignerBinding",
            "metadata": {"name": name, "namespace": "atto", "generation": 2},
            "spec": {
                "target": {"name": name}, "tokenSecretRef": {"name": "token", "key": "value"},
                "capabilities": ["VOTE"], "key": {"local": {"secretRef": {"name": "key", "key": "value"}}},
            },
            "status": status,
        })
    }

    fn condition(type_: &str, status: &str, reason: &str, message: &str) -> serde_json::Value {
        json!({"type": type_, "status": status, "reason": reason, "message": message, "lastTransitionTime": "2026-01-01T00:00:00Z"})
    }

    #[test]
    fn a_table_says_how_each_is_and_what_to_do() {
        let message = "Deployment voter-2: found no container node, expected one. Set spec.target.container.";
        let rows = [
            row(binding(
                "voter-1",
                &json!({"observedGeneration": 2, "pods": "1/1", "conditions": [
                    condition("Signing", "True", "Signing", ""), condition("Ready", "True", "Ready", ""),
                ]}),
            )),
            row(binding(
                "voter-2",
                &json!({"observedGeneration": 2, "conditions": [
                    condition("Accepted", "True", "Accepted", ""), condition("Injected", "False", "NoNodeContainer", message),
                    condition("Ready", "False", "NoNodeContainer", message),
                ]}),
            )),
            row(binding("voter-3", &json!({"observedGeneration": 1}))),
            row(binding(
                "voter-4",
                &json!({"observedGeneration": 2, "plan": {"hash": "48c0", "diff": "+ a"}, "conditions": [
                    condition("Injected", "False", "ApprovalPending", "To approve it: kubectl annotate"),
                    condition("Ready", "False", "ApprovalPending", "To approve it: kubectl annotate"),
                ]}),
            )),
        ];
        assert_eq!(
            text(&rows, false, Terminal::plain(80)),
            "\
NAMESPACE  NAME     READY    REASON           SIGNING  PODS
atto       voter-1  True     Ready            True     1/1
atto       voter-2  False    NoNodeContainer  Unknown  -
atto       voter-3  Unknown  NotObserved      Unknown  -
atto       voter-4  False    ApprovalPending  Unknown  -

atto/voter-2
  next      Injected (NoNodeContainer): Deployment voter-2: found no container
            node, expected one. Set spec.target.container.

atto/voter-3
  next      Wait a moment. If this persists, no operator serves the namespace:
            run kubectl atto-signer check.

atto/voter-4
  next      A change waits for an approval:
            kubectl atto-signer plan voter-4 --namespace atto
"
        );
        assert_eq!(
            rows.iter().map(Row::is_ready).collect::<Vec<_>>(),
            [true, false, false, false]
        );
    }

    #[test]
    fn a_binding_of_another_version_is_shown_as_unreadable() {
        let found = row(json!({"metadata": {"name": "voter", "namespace": "atto"}, "spec": {"target": 5}}));
        assert_eq!((found.ready.as_str(), found.reason.as_str()), ("Unknown", "Unreadable"));
        assert!(!found.next.is_empty() && !found.is_ready());
    }
}
