use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
};
use bytes::Bytes;
use http::{HeaderValue, Response, header};
use tokio::time::Instant;

use super::{
    api::Api,
    body,
    error::{ApiError, Code},
    json::Invalid,
    negotiation,
    record::Record,
    requests,
};
use crate::{
    backend::{Backend, BackendError, Signature},
    protocol::{Message, PublicKey},
    telemetry::Verdict,
};

pub async fn public_keys<B: Backend>(State(api): State<Arc<Api<B>>>, request: Request) -> Response<Body> {
    if !negotiation::accepts_json(request.headers()) {
        return api.refuse(ApiError::NotAcceptable);
    }
    json(format!("{{\"publicKey\":\"{}\"}}", api.service.policy().public_key()).into())
}

pub async fn blocks<B: Backend>(State(api): State<Arc<Api<B>>>, request: Request) -> Response<Body> {
    answer(&api, request, |body, _| requests::block(body)).await
}

pub async fn votes<B: Backend>(State(api): State<Arc<Api<B>>>, request: Request) -> Response<Body> {
    answer(&api, request, |body, _| requests::vote(body)).await
}

pub async fn challenges<B: Backend>(State(api): State<Arc<Api<B>>>, request: Request) -> Response<Body> {
    answer(&api, request, requests::challenge).await
}

type Parse<T> = fn(&[u8], PublicKey) -> Result<T, Invalid>;

async fn answer<B, T>(api: &Api<B>, request: Request, parse: Parse<T>) -> Response<Body>
where
    B: Backend,
    T: Message,
{
    let start = Instant::now();
    let mut record = Record::default();
    let result = sign(api, request, parse, start, &mut record).await;
    let now = Instant::now();
    record.close(api, &result, now - start);
    match result {
        Ok(signature) => {
            api.health.note(T::KIND, Verdict::Other, now.into_std());
            json(signature_body(&signature))
        }
        Err(error) => {
            api.health.note(T::KIND, error.verdict(), now.into_std());
            api.refuse(error)
        }
    }
}

async fn sign<B, T>(
    api: &Api<B>,
    request: Request,
    parse: Parse<T>,
    start: Instant,
    record: &mut Record<T>,
) -> Result<Signature, ApiError>
where
    B: Backend,
    T: Message,
{
    if !negotiation::is_json(request.headers()) {
        return Err(ApiError::UnsupportedMediaType);
    }
    if !negotiation::accepts_json(request.headers()) {
        return Err(ApiError::NotAcceptable);
    }
    let body = body::read(request.into_body()).await?;
    let message = parse(&body, api.service.policy().public_key()).map_err(ApiError::Invalid)?;
    let authorized = api.service.authorize(message).map_err(|denied| {
        record.message = Some(denied.message);
        ApiError::Refused(denied.refusal)
    })?;
    let (hash, signing) = api.service.sign(&authorized, start).await;
    *record = Record {
        message: Some(authorized.into_message()),
        hash: Some(hash),
        effort: signing.effort,
    };
    signing.result.map_err(|error| {
        // What a remote backend is in trouble with is told when it begins and ends, not once for each vote.
        if let BackendError::Sign | BackendError::Random | BackendError::Mismatch = error {
            tracing::error!("a {} was not signed: {error}", T::KIND.name());
        }
        ApiError::Retry(Code::from(&error))
    })
}

fn json(body: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn signature_body(signature: &Signature) -> Bytes {
    const START: &[u8] = b"{\"signature\":\"";
    const DIGITS: usize = START.len();
    const END: usize = DIGITS + 128;
    let mut body = [0; END + 2];
    body[..DIGITS].copy_from_slice(START);
    data_encoding::HEXUPPER.encode_mut(signature, &mut body[DIGITS..END]);
    body[END..].copy_from_slice(b"\"}");
    Bytes::copy_from_slice(&body)
}
