//! Removes secrets from shown text, because a server may repeat the request.

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value};

const HIDDEN: &str = "[hidden]";
/// A shorter text is not a secret of a key service, and may be part of any word.
const MIN_SECRET: usize = 8;

/// The text without these secrets.
pub fn hide<'a>(text: &str, secrets: impl IntoIterator<Item = &'a str>) -> String {
    let secrets = secrets.into_iter().filter(|secret| secret.len() >= MIN_SECRET);
    secrets.fold(text.to_owned(), |text, secret| text.replace(secret, HIDDEN))
}

/// The text without tokens in the format of a JWT, for a caller that does not know which one was sent.
pub fn hide_tokens(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (word, after) = rest.split_at(rest.find(|c| !is_of_token(c)).unwrap_or(rest.len()));
        let (between, after) = after.split_at(after.find(is_of_token).unwrap_or(after.len()));
        shown.push_str(if contains_token(word) { HIDDEN } else { word });
        shown.push_str(between);
        rest = after;
    }
    shown
}

const fn is_of_token(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_')
}

/// Whether the header of a JWT, a JSON object in base64, begins anywhere in the word: an escape such as `%3D` may precede it.
fn contains_token(word: &str) -> bool {
    word.match_indices("ey").any(|(begin, _)| {
        let header = word.get(begin..).and_then(|token| token.split('.').next());
        let header = header.and_then(|header| BASE64URL_NOPAD.decode(header.as_bytes()).ok());
        header.is_some_and(|header| serde_json::from_slice::<Map<String, Value>>(&header).is_ok())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_hidden_wherever_it_is_and_nothing_else() {
        let jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0_-Jl";
        for (before, after) in [
            ("", ""),
            ("subject_token=", "&scope=x"),
            ("{\"token\":\"", "\"}"),
            ("Bearer ", "\r\n"),
            ("a%3D", "%26é"),
        ] {
            let found = hide_tokens(&format!("{before}{jwt}{after}"));
            assert!(!found.contains("eyJ") && !found.contains("c2ln"), "{found}");
            assert!(found.contains(HIDDEN) && found.ends_with(after), "{found}");
        }
        // The second one is the base64 text of JSON that is not finished.
        for other in ["", "they.keyed.sts.googleapis.com: éyé", "eyJhbGciOiJ", "e.y.-_"] {
            assert_eq!(hide_tokens(other), other);
        }
    }
}
