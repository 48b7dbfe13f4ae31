//! The file of all figures, with one table row per line, so that differences are readable.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use super::{PARTS, Table};
use crate::workspace;

const FILE: &str = "docs/figures.json";

/// The path of the file.
pub fn path() -> PathBuf {
    workspace::root().join(FILE)
}

/// The output of one part, with date and computer.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// The measured commit.
    pub commit: String,
    /// The date, as `2026-11-30`.
    pub date: String,
    /// Processors and memory.
    pub machine: String,
    pub tables: Vec<Table>,
}

/// The parts by name.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct File {
    pub parts: BTreeMap<String, Part>,
}

impl File {
    /// # Errors
    /// The file is missing or invalid, or a part lacks its commit, date, computer or table.
    pub fn read() -> Result<Self> {
        let text = fs::read_to_string(path()).with_context(|| format!("cannot read {FILE}"))?;
        let file: Self = serde_json::from_str(&text).with_context(|| format!("{FILE} is no file of figures"))?;
        file.check()?;
        Ok(file)
    }

    fn check(&self) -> Result<()> {
        for (name, ..) in PARTS {
            let part = self.parts.get(name);
            let part =
                part.with_context(|| format!("{FILE}: found no part {name}. Run make figures FIGURES={name}"))?;
            for (key, value) in [
                ("commit", &part.commit),
                ("date", &part.date),
                ("machine", &part.machine),
            ] {
                ensure!(
                    !value.is_empty(),
                    "{FILE}: part {name} has no {key}. Run make figures FIGURES={name}"
                );
            }
            let is_empty = part.tables.iter().all(|table| table.len() < 2);
            ensure!(
                !is_empty,
                "{FILE}: part {name} has no table. Run make figures FIGURES={name}"
            );
        }
        let unknown = self
            .parts
            .keys()
            .find(|name| PARTS.iter().all(|(part, ..)| part != name));
        ensure!(
            unknown.is_none(),
            "{FILE}: found the part {unknown:?}, which nothing measures. Remove it"
        );
        Ok(())
    }

    /// # Errors
    /// The file cannot be written.
    pub fn write(&self) -> Result<()> {
        fs::write(path(), self.text()?).with_context(|| format!("cannot write {FILE}"))
    }

    fn text(&self) -> Result<String> {
        let quoted = |text: &str| serde_json::to_string(text);
        let mut parts = vec![];
        for (name, part) in &self.parts {
            let Part {
                commit,
                date,
                machine,
                tables,
            } = part;
            let mut text = format!("    {}: {{\n", quoted(name)?);
            for (key, value) in [("commit", commit), ("date", date), ("machine", machine)] {
                writeln!(text, "      \"{key}\": {},", quoted(value)?)?;
            }
            let mut printed = vec![];
            for table in tables {
                let rows: Vec<_> = table.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
                printed.push(format!(
                    "        [\n          {}\n        ]",
                    rows.join(",\n          ")
                ));
            }
            write!(text, "      \"tables\": [\n{}\n      ]\n    }}", printed.join(",\n"))?;
            parts.push(text);
        }
        Ok(format!("{{\n  \"parts\": {{\n{}\n  }}\n}}\n", parts.join(",\n")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() -> Result<()> {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        let part = Part {
            commit: "abc1234".to_owned(),
            date: "2026-11-30".to_owned(),
            machine: "2 processors".to_owned(),
            tables: vec![vec![row(["what", "\"measured\""]), row(["a", "1 µs"])]],
        };
        let mut file = File::default();
        for (name, ..) in PARTS {
            file.parts.insert(name.to_owned(), part.clone());
        }
        let again: File = serde_json::from_str(&file.text()?)?;
        assert_eq!(again, file);
        again.check()?;
        for change in [
            (|file: &mut File| drop(file.parts.remove("signer"))) as fn(&mut File),
            |file| file.parts.values_mut().for_each(|part| part.tables.clear()),
            |file| file.parts.values_mut().for_each(|part| part.commit.clear()),
            |file| drop(file.parts.insert("other".to_owned(), file.parts["soak"].clone())),
        ] {
            let mut changed = file.clone();
            change(&mut changed);
            assert!(changed.check().is_err());
        }
        Ok(())
    }
}
