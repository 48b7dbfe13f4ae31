//! The variables, flags and commands of the signer.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use signer::backend::{COMMON_VARIABLES, VENDORS};
use signer::policy::Rule;

use super::commands::{Setting, about, leaves, settings};
use super::table::{code, lines, sentence, table};

const POLICY: &str = "ATTO_SIGNER_POLICY_";

pub fn page() -> Result<String> {
    let mut command = signer::config::command();
    command.build();
    let mut all = settings(&command);
    all.sort_by(|one, other| one.variable.cmp(&other.variable));
    let (policy, settings): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|setting| setting.variable.starts_with(POLICY));
    let mut text = vec![format!(
        "{} Every variable is also a flag, except `ATTO_SIGNER_KEY` and `ATTO_SIGNER_TOKEN`: every user of a host can read the \
         command lines on it. For the behaviour behind these settings, see [The signer](signer.md). \
         For its exit codes, see [Exit codes](exit-codes.md#signer).\n\n## Settings\n\n",
        about(&command)
    )];
    let rows = settings.into_iter().map(|setting| {
        [
            lines([code(&setting.variable), setting.flag]),
            setting.default,
            setting.meaning,
        ]
    });
    text.push(table(["variable and flag", "default", "meaning"], rows));
    text.push("## Variables of other projects\n\nThe signer also reads these variables, or refuses them at its start. They have no flags. It ignores other variables of these projects.\n\n".to_owned());
    text.push(table(["variable", "backend", "meaning"], of_others()));
    text.push("## Policy\n\nEach rule is off unless set. The signer answers a forbidden request with 400 and `The policy <rule> does not allow this:`, followed by the message in the table.\n\n".to_owned());
    let rows = policy.into_iter().map(forbids).collect::<Result<Vec<_>>>()?;
    text.push(table(["variable and flag", "forbids", "says"], rows));
    text.push("## Commands\n\nEach command reads its settings from the same variables.\n\n".to_owned());
    text.push(table(["command", "effect", "takes"], commands(&command)));
    Ok(text.concat())
}

fn of_others() -> impl Iterator<Item = [String; 3]> {
    let all: Vec<_> = VENDORS.iter().map(|vendor| vendor.name).collect();
    let all = all.join(", ");
    let common = COMMON_VARIABLES.iter().map(move |variable| (all.clone(), variable));
    let own = VENDORS.iter().flat_map(|vendor| {
        vendor
            .variables
            .iter()
            .map(move |variable| (vendor.name.to_owned(), variable))
    });
    common
        .chain(own)
        .map(|(backend, (name, meaning))| [code(name), backend, (*meaning).to_owned()])
}

fn forbids(setting: Setting) -> Result<[String; 3]> {
    let name = setting.variable.trim_start_matches(POLICY);
    let rule = Rule::ALL.into_iter().find(|rule| rule.name() == name);
    let rule = rule.with_context(|| format!("there is no rule {name}"))?;
    let says = sentence(rule.complaint());
    Ok([lines([code(&setting.variable), setting.flag]), setting.meaning, says])
}

fn commands(command: &clap::Command) -> Vec<[String; 3]> {
    let serves = [code("signer"), about(command), "all of the above".to_owned()];
    let others = leaves(command).into_iter().map(|(name, command)| {
        let takes: BTreeSet<_> = settings(command)
            .into_iter()
            .map(|setting| {
                if setting.flag.is_empty() {
                    setting.variable
                } else {
                    setting.flag
                }
            })
            .collect();
        let takes = takes
            .into_iter()
            .map(|flag| flag.split(' ').next().unwrap_or_default().trim_matches('`').to_owned());
        let takes: Vec<_> = takes.map(|flag| code(&flag)).collect();
        [code(&name), about(command), takes.join(", ")]
    });
    [serves].into_iter().chain(others).collect()
}
