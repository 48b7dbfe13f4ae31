//! Requests to the key service, and answers of limited size.

use std::{path::Path, time::Duration};

use bytes::Bytes;
use reqwest::{
    Client, Method, Url,
    header::{CONTENT_TYPE, HeaderName, HeaderValue},
    redirect::{Attempt, Policy},
};
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::{
    fault::{Refusal, classify, failed_check, unanswered},
    token::Token,
    trust,
};
use crate::backend::{
    address::Address,
    fault::{Cause, Fault},
};

/// Maximum length of an answer: a key with 5,000 versions.
const MAX_ANSWER: usize = 1024 * 1024;
/// A server that does not accept a connection within this time counts as unavailable.
const CONNECT: Duration = Duration::from_secs(3);

const TOKEN: HeaderName = HeaderName::from_static("x-vault-token");
const NAMESPACE: HeaderName = HeaderName::from_static("x-vault-namespace");
/// Agents that forward requests may require this header, which prevents requests that a web page makes a browser send.
const REQUEST: HeaderName = HeaderName::from_static("x-vault-request");

/// Connections to one server.
#[derive(Clone, Debug)]
pub struct Http {
    client: Client,
    base: String,
    namespace: Option<HeaderValue>,
}

/// One request. Must not be printed, because its body may contain secrets.
pub struct Ask<'a> {
    /// `GET` without a body, otherwise `POST`.
    pub body: Option<Bytes>,
    /// The path after `/v1/`.
    pub path: &'a str,
    /// The token of the request.
    pub token: Option<&'a Token>,
    /// A secret, besides the token, that must not appear in a message.
    pub secret: Option<&'a str>,
    /// None if the caller limits the time.
    pub limit: Option<Duration>,
}

impl Http {
    /// Does not connect yet.
    pub async fn new(address: &Address, ca_file: Option<&Path>, namespace: Option<&str>) -> Result<Self, Fault> {
        let mut builder = Client::builder()
            .connect_timeout(CONNECT)
            .referer(false)
            .redirect(redirects(ca_file.is_some()));
        if address.is_plain {
            // A proxy would see the token, and there is no certificate to check.
            builder = builder.no_proxy().tls_certs_only([]);
        }
        if let Some(file) = ca_file {
            builder = builder.tls_certs_only(trust::reread(file).await?);
        }
        let unmade = |text: String| Fault::new(Cause::Other, format!("the client could not be made: {text}"));
        let namespace = namespace.map(HeaderValue::from_str).transpose();
        Ok(Self {
            client: builder
                .build()
                .map_err(|error| unmade(unanswered(error).text().to_owned()))?,
            base: format!("{}/v1/", address.url),
            namespace: namespace.map_err(|error| unmade(error.to_string()))?,
        })
    }

    /// The answer, parsed as the caller's type.
    pub async fn ask<T: DeserializeOwned>(&self, ask: Ask<'_>) -> Result<T, Refusal> {
        let (path, token, secret) = (ask.path, ask.token, ask.secret);
        let (status, body) = self.send(ask).await?;
        if !(200..300).contains(&status) {
            return Err(classify(status, hide(&body, token, secret).as_bytes()));
        }
        serde_json::from_slice(&body).map_err(|_| {
            let text = format!(
                "an answer to {path} of {} bytes that is not from OpenBao or Vault",
                body.len()
            );
            failed_check(text).into()
        })
    }

    async fn send(&self, ask: Ask<'_>) -> Result<(u16, Zeroizing<Vec<u8>>), Fault> {
        let Ask {
            body,
            path,
            token,
            secret: _,
            limit,
        } = ask;
        let method = if body.is_some() { Method::POST } else { Method::GET };
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.base))
            .header(REQUEST, "true");
        if let Some(token) = token {
            let header = token.header();
            request = request.header(
                TOKEN,
                header.map_err(|_| Fault::new(Cause::Credentials, "the token cannot be sent in a header"))?,
            );
        }
        if let Some(namespace) = &self.namespace {
            request = request.header(NAMESPACE, namespace.clone());
        }
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        if let Some(limit) = limit {
            request = request.timeout(limit);
        }
        let late = |fault: Fault| match (fault.cause, limit) {
            (Cause::Timeout, Some(limit)) => Fault::new(
                Cause::Timeout,
                format!("no answer to {path} within {} s", limit.as_secs()),
            ),
            _ => fault,
        };
        let mut answer = request.send().await.map_err(|error| late(unanswered(error)))?;
        let status = answer.status().as_u16();
        // It may contain a token. Copies left by a growing buffer contain at most a token that is not in use yet.
        let mut text = Zeroizing::new(Vec::with_capacity(16 * 1024));
        while let Some(more) = answer.chunk().await.map_err(|error| late(unanswered(error)))? {
            if text.len() + more.len() > MAX_ANSWER {
                return Err(failed_check(format!("an answer to {path} of more than 1 MiB")));
            }
            text.extend_from_slice(&more);
        }
        Ok((status, text))
    }
}

/// A standby that does not forward requests redirects its clients to the active server, which is another host. The
/// token is sent there only if that host has a certificate of the same authority, and the authority was configured for
/// this server. With the public authorities, anyone who can answer here could redirect the token anywhere. The token is
/// never sent over plain HTTP.
fn redirects(has_authority: bool) -> Policy {
    Policy::custom(move |attempt: Attempt<'_>| {
        if is_allowed(attempt.previous(), attempt.url(), has_authority) {
            attempt.follow()
        } else {
            attempt.stop()
        }
    })
}

/// Only one redirect is followed.
fn is_allowed(asked: &[Url], next: &Url, has_authority: bool) -> bool {
    match asked {
        [first] => first.origin() == next.origin() || has_authority && next.scheme() == "https",
        _ => false,
    }
}

/// A server may repeat the request.
fn hide(body: &[u8], token: Option<&Token>, secret: Option<&str>) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::from_utf8_lossy(body).into_owned());
    for secret in token.map(Token::as_str).into_iter().chain(secret) {
        if !secret.is_empty() {
            text = Zeroizing::new(text.replace(secret, "(hidden)"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_is_followed_to_the_same_server_or_to_one_of_the_authority_that_is_set() {
        let url = |text: &str| Url::parse(text).unwrap();
        let from = [url("https://vault.example.com:8200/v1/transit/sign/voter")];
        for (next, alone, with_authority) in [
            ("https://vault.example.com:8200/v1/x", true, true),
            ("https://vault.example.com/v1/x", false, true),
            ("https://vault-0.example.com:8200/v1/x", false, true),
            ("http://vault.example.com:8200/v1/x", false, false),
            ("http://127.0.0.1:8200/v1/x", false, false),
        ] {
            assert_eq!(is_allowed(&from, &url(next), false), alone, "{next}");
            assert_eq!(is_allowed(&from, &url(next), true), with_authority, "{next}");
        }
        let twice = [from.as_slice(), &from].concat();
        assert!(!is_allowed(&twice, &from[0], true));
    }

    #[test]
    fn what_was_sent_is_not_shown_when_it_comes_back() {
        let token = Token::new(Zeroizing::new("hvs.secret".to_owned()));
        let page = "<p>hvs.secret</p> jwt jwt \u{e9}".as_bytes();
        assert_eq!(
            *hide(page, Some(&token), Some("jwt")),
            "<p>(hidden)</p> (hidden) (hidden) \u{e9}"
        );
        assert_eq!(*hide(b"\xFFx", None, Some("")), "\u{fffd}x");
    }
}
