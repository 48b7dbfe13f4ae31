//! Forwards one request to the API server, and its answer back.

use std::future::pending;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING, USER_AGENT};
use http::request::Parts;
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use kube::client::Body;
use tokio::time::sleep;

use super::asked::{Asked, Verb};
use super::rules::Fault;
use super::watching::{self, End, Length};
use super::{Expiry, Payload, Proxy, answers};

type Whole = Response<Bytes>;

pub(super) async fn exchange(proxy: Arc<Proxy>, request: Request<Incoming>) -> Result<Response<Payload>> {
    let asked = Asked::of(&request);
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let fault = proxy.rules.take(&asked);
    if asked.verb == Verb::Watch {
        return watch(&proxy, &asked, head, fault).await;
    }
    if let Some(Fault::Answered(code)) = fault {
        return Ok(answers::refusal(code));
    }
    // In a separate task, so that it is completed even if the client has given up.
    let answer = tokio::spawn(execute(proxy, head, body, fault)).await??;
    Ok(answer.map(|body| Full::new(body).map_err(|never| match never {}).boxed_unsync()))
}

async fn execute(proxy: Arc<Proxy>, head: Parts, body: Bytes, fault: Option<Fault>) -> Result<Whole> {
    let forward = || forward(&proxy, &head, &body);
    match fault {
        None => forward().await,
        Some(Fault::Lost) => {
            forward().await?;
            Err(dropped())
        }
        Some(Fault::Silent) => {
            forward().await?;
            pending().await
        }
        Some(Fault::Late(by)) => {
            let answer = forward().await;
            sleep(by).await;
            answer
        }
        Some(Fault::SentLate(by)) => {
            sleep(by).await;
            forward().await
        }
        Some(Fault::Twice) => {
            forward().await?;
            forward().await
        }
        Some(Fault::Held(gate)) => {
            gate.hold().await;
            let answer = forward().await;
            gate.passed();
            answer
        }
        Some(Fault::AnswerHeld(gate)) => {
            let answer = forward().await;
            gate.hold().await;
            gate.passed();
            answer
        }
        Some(_) => Err(dropped()),
    }
}

/// hyper closes a connection whose service fails.
fn dropped() -> anyhow::Error {
    anyhow!("dropped, as the rule wants it")
}

async fn forward(proxy: &Proxy, head: &Parts, body: &Bytes) -> Result<Whole> {
    let (mut head, body) = send(proxy, head, body).await?.into_parts();
    head.headers.remove(TRANSFER_ENCODING);
    Ok(Response::from_parts(head, body.collect_bytes().await?))
}

async fn send(proxy: &Proxy, head: &Parts, body: &Bytes) -> Result<Response<Body>> {
    let path = head.uri.path_and_query().context("a request without a path")?;
    let mut request = Request::new(Body::from(body.clone()));
    *request.method_mut() = head.method.clone();
    *request.uri_mut() = Uri::from(path.clone());
    *request.headers_mut() = head.headers.clone();
    for hop in [HOST, CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING] {
        request.headers_mut().remove(hop);
    }
    let name = HeaderValue::from_str(&proxy.name).context("a name that is no header")?;
    request.headers_mut().insert(USER_AGENT, name);
    Ok(proxy.upstream.send(request).await?)
}

async fn watch(proxy: &Proxy, asked: &Asked, head: Parts, fault: Option<Fault>) -> Result<Response<Payload>> {
    if let Some((version, expiry)) = *proxy.expired()
        && asked.since < version
    {
        return Ok(match expiry {
            Expiry::Status => answers::refusal(410),
            Expiry::Event => answers::expired_event(),
        });
    }
    let length = match fault {
        None => Length::Whole,
        Some(Fault::Answered(code)) => return Ok(answers::refusal(code)),
        Some(Fault::Silent) => return pending().await,
        Some(Fault::Closed) => return Ok(answers::nothing()),
        Some(Fault::ClosedAfterOne) => Length::One(End::Clean),
        Some(Fault::Truncated) => Length::One(End::InALine),
        Some(Fault::Broken) => Length::One(End::Broken),
        Some(_) => return Err(dropped()),
    };
    // Subscribed before the answer, so that no cut is missed.
    let cuts = proxy.cuts.subscribe();
    let answer = send(proxy, &head, &Bytes::new()).await?;
    let (mut head, body) = answer.into_parts();
    head.headers.remove(TRANSFER_ENCODING);
    if length != Length::Whole {
        head.headers.remove(CONTENT_LENGTH);
    }
    Ok(Response::from_parts(head, watching::body(body, length, cuts)))
}
