//! Exit codes of the programs.

use super::table::{sentence, table};

pub fn page() -> String {
    let codes = |codes: &[(u8, &str)]| {
        let rows: Vec<_> = codes
            .iter()
            .map(|(code, meaning)| [code.to_string(), sentence(meaning)])
            .collect();
        table(["code", "meaning"], rows)
    };
    format!(
        "The codes follow sysexits.\n\n## operator\n\n{}## signer\n\n{}",
        codes(&operator::exit::ALL),
        codes(&signer::exit::ALL)
    )
}
