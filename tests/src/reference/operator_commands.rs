//! The command lines of the operator and of the kubectl plugin.

use clap::Command;

use super::commands::{about, leaves, settings};
use super::table::{code, lines, table};

/// The text before the table of commands.
const PLUGIN: &str = "\
It reads what the operator reports, with the rights of the person who runs it; only `approve` and `remove` write. To install it, put the
program `kubectl-atto_signer` into a folder of `PATH`; kubectl finds it there.

`--output=json` and `--output=yaml` print `apiVersion: cli.signer.atto.cash/v1`, a `kind`, and `items`. Fields are added under the same
version. A field is renamed or removed only under another one. The fields of a SignerBindingStatusList are `namespace`, `name`, `ready`
(`True`, `False` or `Unknown`), `reason`, `message`, `signing`, `pods`, `address`, `key`, `plan`, `conditions`, `targets`, `warnings` and
`next`; those of a PlanList `namespace`, `name`, `hash` and `diff`; those of a CheckList `about`, `verdict` (`Ok`, `Warning` or `Failed`)
and `message`.

`report` writes no Secret and no token. Values of variables other than the signer's settings, arguments of containers, annotations of
others, and diffs are hidden.

";

pub fn page() -> String {
    of(operator::cli::command(), "")
}

pub fn plugin() -> String {
    of(operator::commands::plugin::command(), PLUGIN)
}

fn of(mut command: Command, introduction: &str) -> String {
    command.build();
    let leaves = leaves(&command);
    let overview = leaves.iter().map(|(name, command)| {
        let anchor = name.replace(' ', "-");
        [format!("[`{name}`](#{anchor})"), about(command)]
    });
    let mut text = vec![format!(
        "{} Exit codes: [Exit codes](exit-codes.md#operator).\n\n{introduction}",
        about(&command)
    )];
    text.push(table(["command", "what it does"], overview));
    for (name, command) in &leaves {
        text.push(format!("## {name}\n\n{}\n\n", about(command)));
        let mut settings = settings(command);
        settings.sort_by_key(|setting| setting.flag.trim_start_matches(['`', '-']).to_owned());
        if settings.is_empty() {
            text.push("It has no arguments.\n\n".to_owned());
            continue;
        }
        let rows = settings.into_iter().map(|setting| {
            [
                lines([setting.flag, code(&setting.variable)]),
                setting.default,
                setting.meaning,
            ]
        });
        text.push(table(["flag and variable", "default", "meaning"], rows));
    }
    text.concat()
}
