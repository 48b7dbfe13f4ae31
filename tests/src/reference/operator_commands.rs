//! The command line of the operator.

use super::commands::{about, leaves, settings};
use super::table::{code, lines, table};

pub fn page() -> String {
    let mut command = operator::cli::command();
    command.build();
    let leaves = leaves(&command);
    let overview = leaves.iter().map(|(name, command)| {
        let anchor = name.replace(' ', "-");
        [format!("[`{name}`](#{anchor})"), about(command)]
    });
    let mut text = vec![format!(
        "{} What it exits with: [Exit codes](exit-codes.md#operator).\n\n",
        about(&command)
    )];
    text.push(table(["command", "what it does"], overview));
    for (name, command) in &leaves {
        text.push(format!("## {name}\n\n{}\n\n", about(command)));
        let mut settings = settings(command);
        settings.sort_by_key(|setting| setting.flag.trim_start_matches(['`', '-']).to_owned());
        if settings.is_empty() {
            text.push("It takes nothing.\n\n".to_owned());
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
