//! Checks the token of a request.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use aws_lc_rs::digest::{SHA256, digest};
use http::{HeaderMap, header};
use subtle::{Choice, ConstantTimeEq};

const SCHEME: &[u8] = b"Bearer ";

/// The accepted tokens: each request must carry one. Kept as SHA-256 digests: comparing digests reveals nothing about a token's
/// length or first difference. Clones share later changes.
#[derive(Clone)]
pub struct Token(Arc<RwLock<Digests>>);

/// SHA-256 digests of tokens, sorted and without duplicates, so that equal sets of tokens are equal digests.
#[derive(Clone, PartialEq, Eq)]
pub struct Digests(Vec<[u8; 32]>);

impl Token {
    /// Requests must carry this token.
    pub fn new(token: &str) -> Self {
        Self::any_of([token])
    }

    /// Requests must carry one of these tokens.
    pub fn any_of<'a>(tokens: impl IntoIterator<Item = &'a str>) -> Self {
        Self(Arc::new(RwLock::new(Digests::of(tokens))))
    }

    /// Replaces the accepted tokens. Returns whether anything changes.
    pub fn set(&self, digests: &Digests) -> bool {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let changes = *current != *digests;
        current.clone_from(digests);
        changes
    }

    /// Accepts these tokens in addition. Returns whether anything changes.
    pub fn add(&self, digests: &Digests) -> bool {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let all = Digests::new([current.0.as_slice(), &digests.0].concat());
        let changes = *current != all;
        *current = all;
        changes
    }

    /// The number of accepted tokens.
    pub fn count(&self) -> usize {
        self.0.read().unwrap_or_else(PoisonError::into_inner).0.len()
    }

    /// Whether the headers carry an accepted token, bare or as `Bearer <token>`, exactly once.
    pub fn is_carried_by(&self, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return false;
        };
        let value = value.as_bytes().trim_ascii();
        let bare = self.matches(value);
        let bearer = match value.split_at_checked(SCHEME.len()) {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case(SCHEME) => self.matches(token.trim_ascii()),
            _ => Choice::from(0),
        };
        (bare | bearer).into()
    }

    fn matches(&self, candidate: &[u8]) -> Choice {
        let candidate = sha256(candidate);
        let digests = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let compared = digests.0.iter().map(|digest| digest.ct_eq(&candidate));
        compared.fold(Choice::from(0), |found, equal| found | equal)
    }
}

impl Digests {
    /// The digests of these tokens.
    pub fn of<'a>(tokens: impl IntoIterator<Item = &'a str>) -> Self {
        Self::new(tokens.into_iter().map(|token| sha256(token.as_bytes())).collect())
    }

    fn new(mut digests: Vec<[u8; 32]>) -> Self {
        digests.sort_unstable();
        digests.dedup();
        Self(digests)
    }
}

impl fmt::Debug for Digests {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Digests(hidden)")
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn carries(values: &[&'static str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, HeaderValue::from_static(value));
        }
        Token::new("secret-token").is_carried_by(&headers)
    }

    #[test]
    fn bare_and_bearer_are_accepted() {
        for value in [
            "secret-token",
            "Bearer secret-token",
            "bearer secret-token",
            "Bearer  secret-token ",
        ] {
            assert!(carries(&[value]), "{value}");
        }
    }

    #[test]
    fn anything_else_is_not() {
        let wrong = [
            "",
            "Bearer",
            "Bearer ",
            "secret-toke",
            "secret-tokens",
            "Basic secret-token",
            "Secret-token",
            "Bearer Bearer secret-token",
        ];
        for value in wrong {
            assert!(!carries(&[value]), "{value}");
        }
        assert!(!carries(&[]));
        assert!(!carries(&["secret-token", "secret-token"]));
    }

    #[test]
    fn each_of_several_tokens_is_accepted_until_others_are_set() {
        let carries = |token: &Token, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, HeaderValue::from_static(value));
            token.is_carried_by(&headers)
        };
        let token = Token::any_of(["one", "two"]);
        let shared = token.clone();
        assert!(carries(&token, "one") && carries(&token, "Bearer two") && !carries(&token, "three"));
        assert!(!shared.set(&Digests::of(["two", "one", "two"])));
        assert!(shared.add(&Digests::of(["three"])) && !shared.add(&Digests::of(["one", "three"])));
        assert!(carries(&token, "three") && carries(&token, "one"));
        assert_eq!(token.count(), 3);
        assert!(shared.set(&Digests::of(["three"])));
        assert!(carries(&token, "three") && !carries(&token, "one"));
    }

    #[test]
    fn a_token_that_looks_like_a_scheme_still_works() {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer x"));
        assert!(Token::new("Bearer x").is_carried_by(&headers));
    }

    #[test]
    fn a_token_is_never_shown() {
        assert_eq!(format!("{:?}", Token::new("secret-token")), "Token(hidden)");
        assert_eq!(format!("{:?}", Digests::of(["secret-token"])), "Digests(hidden)");
    }
}
