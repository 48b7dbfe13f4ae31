//! Sends the SDK's requests with the program's own HTTP client. It reads the CA bundle again for each client of KMS, while the
//! SDK's own client reads it only once.

use std::time::Duration;

use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::body::SdkBody;
use bytes::{Bytes, BytesMut};
use reqwest::{Client, ClientBuilder, redirect::Policy};
use tokio::time::timeout;

use super::near::is_safe;
use crate::backend::{
    chain::chain,
    fault::{Cause, Fault},
};

/// Maximum length of an answer, which limits the memory that any server can use. Answers of KMS are shorter than 4 KiB.
const MAX_ANSWER: usize = 64 * 1024;

/// The HTTP clients, one per route. Clones share their connections.
#[derive(Clone, Debug)]
pub struct Http {
    /// Over TLS, through the configured proxy.
    far: Client,
    /// Over plain HTTP to this host and its agents, without a proxy: they give credentials to anyone who asks.
    near: Client,
}

impl Http {
    pub fn new() -> Result<Self, Fault> {
        let build = |builder: ClientBuilder| {
            // A signed request is for one address. AWS never redirects.
            let builder = builder.http1_only().redirect(Policy::none()).referer(false);
            builder.build().map_err(|error| {
                let text = format!("no HTTP client could be made: {}", chain(&error));
                Fault::new(Cause::Other, text)
            })
        };
        Ok(Self {
            far: build(Client::builder())?,
            // Without the CA bundle, because reading it takes noticeable time.
            near: build(Client::builder().no_proxy().tls_certs_only([]))?,
        })
    }
}

impl HttpClient for Http {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        let limits = [settings.connect_timeout(), settings.read_timeout()];
        SharedHttpConnector::new(Connector {
            http: self.clone(),
            limit: limits.into_iter().flatten().reduce(|one, other| one + other),
        })
    }
}

/// One route: with the time limit of the SDK's credentials, and without one for KMS, whose calls are limited elsewhere.
#[derive(Debug)]
struct Connector {
    http: Http,
    limit: Option<Duration>,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (http, limit) = (self.http.clone(), self.limit);
        HttpConnectorFuture::new(async move {
            match limit {
                None => http.exchange(request).await,
                Some(limit) => timeout(limit, http.exchange(request))
                    .await
                    .unwrap_or_else(|late| Err(ConnectorError::timeout(late.into()))),
            }
        })
    }
}

impl Http {
    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let request = request
            .try_into_http1x()
            .map_err(|error| ConnectorError::user(error.into()))?;
        let (head, body) = request.into_parts();
        let url = head.uri.to_string();
        let is_plain = head.uri.scheme_str() == Some("http");
        if !is_safe(&url) {
            let host = head.uri.host().unwrap_or_default();
            let text =
                format!("no request was sent to {host}: credentials are only sent over https, except on this host");
            return Err(ConnectorError::user(text.into()));
        }
        let body = body.bytes().map(Bytes::copy_from_slice);
        let body = body.ok_or_else(|| ConnectorError::user("the body of the request is a stream".into()))?;
        let request = http::Request::from_parts(head, body);
        let request = reqwest::Request::try_from(request).map_err(|error| ConnectorError::user(error.into()))?;
        let client = if is_plain { &self.near } else { &self.far };
        let mut answer = client.execute(request).await.map_err(failed)?;
        let mut bytes = BytesMut::new();
        while bytes.len() < MAX_ANSWER
            && let Some(more) = answer.chunk().await.map_err(failed)?
        {
            bytes.extend_from_slice(&more);
        }
        bytes.truncate(MAX_ANSWER);
        let mut whole = http::Response::new(SdkBody::from(bytes.freeze()));
        *whole.status_mut() = answer.status();
        *whole.headers_mut() = std::mem::take(answer.headers_mut());
        HttpResponse::try_from(whole).map_err(|error| ConnectorError::other(error.into(), None))
    }
}

fn failed(error: reqwest::Error) -> ConnectorError {
    let (is_timeout, is_builder) = (error.is_timeout(), error.is_builder());
    // The path of an agent may be secret. The chain of causes describes the failure.
    let error = error.without_url().into();
    if is_timeout {
        ConnectorError::timeout(error)
    } else if is_builder {
        ConnectorError::user(error)
    } else {
        ConnectorError::io(error)
    }
}
