//! Reads clap's description of a command line.

use clap::{Arg, Command};

use super::table::{code, sentence};

/// Precedes the default in a help text of the signer, whose own code and not clap determines it.
const DEFAULT: &str = "[default: ";

/// A flag or a positional argument.
pub struct Setting {
    /// `--name <VALUE>`. Empty if the variable has no usable flag.
    pub flag: String,
    pub variable: String,
    pub default: String,
    pub meaning: String,
}

/// The settings of one command, without those of its subcommands.
pub fn settings(command: &Command) -> Vec<Setting> {
    let own = command
        .get_arguments()
        .filter(|argument| !["help", "version"].contains(&argument.get_id().as_str()));
    own.map(setting).collect()
}

/// The subcommands that do something, by full name.
pub fn leaves(command: &Command) -> Vec<(String, &Command)> {
    let children = command.get_subcommands().filter(|child| child.get_name() != "help");
    let mut leaves: Vec<_> = children
        .flat_map(|child| {
            let name = format!("{} {}", command.get_name(), child.get_name());
            let below = leaves(child);
            if below.is_empty() {
                return vec![(name, child)];
            }
            let prefix = command.get_name();
            below
                .into_iter()
                .map(|(below, leaf)| (format!("{prefix} {below}"), leaf))
                .collect()
        })
        .collect();
    leaves.sort_by(|one, other| one.0.cmp(&other.0));
    leaves
}

/// The description of a command.
pub fn about(command: &Command) -> String {
    command
        .get_about()
        .map(|about| sentence(&about.to_string()))
        .unwrap_or_default()
}

fn setting(argument: &Arg) -> Setting {
    let help = argument.get_long_help().or_else(|| argument.get_help());
    let help = help.map(ToString::to_string).unwrap_or_default();
    let (meaning, stated) = match help.split_once(DEFAULT) {
        Some((meaning, default)) => (meaning, default.trim_end().trim_end_matches(']').to_owned()),
        None => (help.as_str(), String::new()),
    };
    let known: Vec<_> = argument
        .get_default_values()
        .iter()
        .map(|value| value.display().to_string())
        .collect();
    let default = if argument.is_required_set() {
        "required".to_owned()
    } else if known.is_empty() {
        // A default in words stays unquoted.
        if stated.contains(' ') { stated } else { code(&stated) }
    } else {
        code(&known.join(","))
    };
    Setting {
        flag: if argument.is_hide_set() {
            String::new()
        } else {
            flag(argument)
        },
        variable: argument
            .get_env()
            .map(|variable| variable.display().to_string())
            .unwrap_or_default(),
        default,
        meaning: sentence(meaning),
    }
}

fn flag(argument: &Arg) -> String {
    let names = argument.get_value_names().unwrap_or_default();
    let value = names.first().map(ToString::to_string).unwrap_or_default();
    let takes_value = argument.get_action().takes_values();
    match (argument.get_short(), argument.get_long()) {
        (_, None) => code(&value),
        (short, Some(long)) => {
            let short = short.map(|short| format!("`-{short}`, ")).unwrap_or_default();
            // Without a name of the value, clap names it like the flag.
            let is_named = takes_value && value != long.to_uppercase().replace('-', "_");
            let value = if is_named { format!(" {value}") } else { String::new() };
            format!("{short}`--{long}{value}`")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_in_words_is_taken_out_of_the_help() {
        let argument = Arg::new("port")
            .long("port")
            .env("X_PORT")
            .help("Port of X [default: 9090]");
        let found = setting(&argument);
        assert_eq!(
            (found.default.as_str(), found.meaning.as_str()),
            ("`9090`", "Port of X.")
        );
        assert_eq!(found.variable, "X_PORT");
    }

    #[test]
    fn commands_within_commands_have_their_whole_name() {
        let command = Command::new("a")
            .subcommand(Command::new("c"))
            .subcommand(Command::new("b").subcommand(Command::new("d")));
        let names: Vec<_> = leaves(&command).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["a b d", "a c"]);
    }
}
