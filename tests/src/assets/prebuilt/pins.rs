//! The pinned downloads, with source and sum.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::super::set_variable;

const PINS: &str = include_str!("../../../prebuilt/pins.json");

/// The variable for another file than `tests/prebuilt/pins.json`.
const VARIABLE: &str = "PREBUILT_PINS";

/// Programs from one archive or one container image.
#[derive(Clone, Debug, Deserialize)]
pub struct Pin {
    /// The version with its leading `v`.
    pub version: String,
    pub programs: Vec<String>,
    #[serde(flatten)]
    pub source: Source,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// By platform, such as `linux-amd64`.
    Archives(BTreeMap<String, Archive>),
    Image(Image),
}

/// A `.tar.gz`.
#[derive(Clone, Debug, Deserialize)]
pub struct Archive {
    pub url: String,
    /// The folder in the archive with the programs.
    pub inside: String,
    #[serde(flatten)]
    pub sum: Sum,
}

/// In hexadecimal digits, as the publisher prints it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sum {
    Sha256(String),
    Sha512(String),
}

/// A Linux image. The digest of its index determines everything that is downloaded.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// `https://` and a host.
    pub registry: String,
    pub repository: String,
    /// `sha256:` and 64 hexadecimal digits.
    pub digest: String,
    pub inside: String,
}

impl Pin {
    /// The pin with this name. `None` if the file has none.
    ///
    /// # Errors
    /// The file that cannot be read, or its error.
    pub fn named(name: &str) -> Result<Option<Self>> {
        match set_variable(VARIABLE) {
            None => Self::read(PINS, name).context("tests/prebuilt/pins.json"),
            Some(file) => {
                let text = fs::read_to_string(&file).with_context(|| format!("{VARIABLE}: cannot read {file}"))?;
                Self::read(&text, name).with_context(|| format!("{VARIABLE}: {file}"))
            }
        }
    }

    fn read(text: &str, name: &str) -> Result<Option<Self>> {
        let mut pins: BTreeMap<String, Self> = serde_json::from_str(text)?;
        let Some(pin) = pins.remove(name) else {
            return Ok(None);
        };
        let is_file_name = |text: &String| !text.is_empty() && !text.starts_with('.') && !text.contains('/');
        ensure!(
            pin.programs.iter().chain([&pin.version]).all(is_file_name),
            "{name}: found {:?} {}, expected names without a slash",
            pin.programs,
            pin.version
        );
        Ok(Some(pin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pin_has_a_sum_of_full_length_and_comes_encrypted() {
        for name in ["kubernetes", "kube-controller-manager", "helm"] {
            let pin = Pin::read(PINS, name).unwrap().unwrap();
            let (urls, sums): (Vec<_>, Vec<_>) = match &pin.source {
                Source::Archives(archives) => {
                    let platforms: Vec<_> = archives.keys().map(String::as_str).collect();
                    assert_eq!(
                        platforms,
                        ["darwin-amd64", "darwin-arm64", "linux-amd64", "linux-arm64"]
                    );
                    archives
                        .iter()
                        .map(|(platform, archive)| {
                            assert!(archive.url.contains(platform), "{}", archive.url);
                            assert!(archive.url.contains(&pin.version), "{}", archive.url);
                            let sum = match &archive.sum {
                                Sum::Sha256(sum) => (sum.clone(), 64),
                                Sum::Sha512(sum) => (sum.clone(), 128),
                            };
                            (archive.url.clone(), sum)
                        })
                        .unzip()
                }
                Source::Image(image) => {
                    let digest = image.digest.strip_prefix("sha256:").unwrap().to_owned();
                    (vec![image.registry.clone()], vec![(digest, 64)])
                }
            };
            assert!(urls.iter().all(|url| url.starts_with("https://")), "{urls:?}");
            for (sum, length) in sums {
                assert_eq!(sum.len(), length, "{name}");
                assert!(sum.chars().all(|digit| digit.is_ascii_hexdigit()), "{name}");
            }
        }
    }

    #[test]
    fn a_pin_names_no_file_outside_of_its_folder() {
        let text = r#"{"x": {"version": "v1", "programs": ["../x"], "archives": {}}}"#;
        assert!(
            Pin::read(text, "x")
                .unwrap_err()
                .to_string()
                .contains("without a slash")
        );
        assert!(Pin::read(text, "y").unwrap().is_none());
    }
}
