//! A server may repeat what it was sent, and texts from outside are shown.

const HIDDEN: &str = "[hidden]";
/// A text that is shorter is no secret of a key service, and may be part of any word.
const MIN_SECRET: usize = 8;

/// The text without any of these in it.
pub fn hide<'a>(text: &str, secrets: impl IntoIterator<Item = &'a str>) -> String {
    let secrets = secrets.into_iter().filter(|secret| secret.len() >= MIN_SECRET);
    secrets.fold(text.to_owned(), |text, secret| text.replace(secret, HIDDEN))
}
