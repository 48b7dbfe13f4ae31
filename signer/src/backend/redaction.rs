//! Removes secrets from shown text, because a server may repeat the request.

const HIDDEN: &str = "[hidden]";
/// A shorter text is not a secret of a key service, and may be part of any word.
const MIN_SECRET: usize = 8;

/// The text without these secrets.
pub fn hide<'a>(text: &str, secrets: impl IntoIterator<Item = &'a str>) -> String {
    let secrets = secrets.into_iter().filter(|secret| secret.len() >= MIN_SECRET);
    secrets.fold(text.to_owned(), |text, secret| text.replace(secret, HIDDEN))
}
