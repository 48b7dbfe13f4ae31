//! The name of a key version, in the form of `ATTO_SIGNER_KEY`.

use std::fmt;

/// `MOUNT/keys/NAME/versions/N`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyVersion {
    /// Path at which the transit engine is mounted. May contain slashes.
    pub mount: String,
    /// The key.
    pub name: String,
    /// At least 1.
    pub version: u32,
}

/// Why a text is not a key version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// Not a key version. The text may be anything, including a secret.
    Other,
    /// A key without its version.
    NoVersion,
    /// The version is invalid: `latest`, 0, or not a plain number.
    Version,
    /// A character or an empty part that is not allowed in a name.
    Name,
}

impl KeyVersion {
    /// The parts of the name.
    pub fn parse(text: &str) -> Result<Self, Wrong> {
        let parts: Vec<&str> = text.split('/').collect();
        let (mount, name, version) = match parts.as_slice() {
            [mount @ .., "keys", name, "versions", version] if !mount.is_empty() => (mount, name, version),
            [mount @ .., "keys", _] | [mount @ .., "keys", _, "versions"] if !mount.is_empty() => {
                return Err(if all_names(&parts) {
                    Wrong::NoVersion
                } else {
                    Wrong::Name
                });
            }
            _ if looks_like_one(text) => return Err(Wrong::Name),
            _ => return Err(Wrong::Other),
        };
        if !all_names(mount) || !is_name(name) {
            return Err(Wrong::Name);
        }
        Ok(Self {
            mount: mount.join("/"),
            name: (*name).to_owned(),
            version: number(version).ok_or(Wrong::Version)?,
        })
    }
}

impl fmt::Display for KeyVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mount, name, version } = self;
        write!(formatter, "{mount}/keys/{name}/versions/{version}")
    }
}

/// Whether a text is probably meant as a key version.
pub fn looks_like_one(text: &str) -> bool {
    text.contains("/keys/") && !text.chars().any(char::is_whitespace)
}

/// A path part without characters that have a meaning in a URL.
pub fn is_name(part: &str) -> bool {
    let fits = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    !part.is_empty() && part.len() <= 128 && part != "." && part != ".." && part.chars().all(fits)
}

fn all_names(parts: &[&str]) -> bool {
    parts.iter().all(|part| is_name(part))
}

/// A version as Vault writes it. A second spelling would be a second name of the same voter.
fn number(text: &str) -> Option<u32> {
    let number: u32 = text.parse().ok()?;
    (number > 0 && number.to_string() == text).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_mount_a_key_and_a_version() {
        for (text, mount, name, version) in [
            ("transit/keys/voter/versions/1", "transit", "voter", 1),
            (
                "team/a/transit/keys/v-1_x.y/versions/4294967295",
                "team/a/transit",
                "v-1_x.y",
                u32::MAX,
            ),
            ("keys/keys/keys/versions/2", "keys", "keys", 2),
            ("a/keys/b/versions/1/keys/c/versions/3", "a/keys/b/versions/1", "c", 3),
        ] {
            let key = KeyVersion::parse(text).unwrap();
            assert_eq!((&*key.mount, &*key.name, key.version), (mount, name, version));
            assert_eq!(key.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_name_is_told_apart() {
        for (text, wrong) in [
            ("transit/keys/voter", Wrong::NoVersion),
            ("transit/keys/voter/versions", Wrong::NoVersion),
            ("transit/keys/voter/versions/latest", Wrong::Version),
            ("transit/keys/voter/versions/0", Wrong::Version),
            ("transit/keys/voter/versions/01", Wrong::Version),
            ("transit/keys/voter/versions/+1", Wrong::Version),
            ("transit/keys/voter/versions/-1", Wrong::Version),
            ("transit/keys/voter/versions/4294967296", Wrong::Version),
            ("transit/keys/voter/versions/", Wrong::Version),
            ("transit/keys/voter/versions/1/", Wrong::Name),
            ("transit/keys/vo?ter/versions/1", Wrong::Name),
            ("transit/keys/../versions/1", Wrong::Name),
            ("/transit/keys/voter/versions/1", Wrong::Name),
            ("transit//x/keys/voter/versions/1", Wrong::Name),
            ("transit/keys//versions/1", Wrong::Name),
            ("transit/keys/vo%2Fter", Wrong::Name),
            ("keys/voter/versions/1", Wrong::Other),
            ("transit/voter/1", Wrong::Other),
            (
                "0000000000000000000000000000000000000000000000000000000000000000",
                Wrong::Other,
            ),
            ("", Wrong::Other),
        ] {
            assert_eq!(KeyVersion::parse(text), Err(wrong), "{text}");
        }
    }
}
