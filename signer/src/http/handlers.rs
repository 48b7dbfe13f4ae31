use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body_util::Full;
use tokio::time::Instant;

use super::{
    api::Api,
    body::{self, Received},
    error::{ApiError, Code},
    json::Invalid,
    negotiation,
    record::Record,
    requests,
};
use crate::{
    backend::{Backend, BackendError, Signature},
    protocol::{Message, PublicKey},
};

pub fn public_keys<B: Backend>(api: &Api<B>, headers: &HeaderMap) -> Response<Full<Bytes>> {
    if !negotiation::accepts_json(headers) {
        return api.refuse(ApiError::NotAcceptable);
    }
    json(format!("{{\"publicKey\":\"{}\"}}", api.service.policy().public_key()).into())
}

pub async fn blocks<B: Backend>(
    api: &Api<B>,
    request: Request<impl Received>,
    start: Instant,
) -> Response<Full<Bytes>> {
    answer(api, request, start, |body, _| requests::block(body)).await
}

pub async fn votes<B: Backend>(api: &Api<B>, request: Request<impl Received>, start: Instant) -> Response<Full<Bytes>> {
    answer(api, request, start, |body, _| requests::vote(body)).await
}

pub async fn challenges<B: Backend>(
    api: &Api<B>,
    request: Request<impl Received>,
    start: Instant,
) -> Response<Full<Bytes>> {
    answer(api, request, start, requests::challenge).await
}

type Parse<T> = fn(&[u8], PublicKey) -> Result<T, Invalid>;

async fn answer<B, T>(
    api: &Api<B>,
    request: Request<impl Received>,
    start: Instant,
    parse: Parse<T>,
) -> Response<Full<Bytes>>
where
    B: Backend,
    T: Message,
{
    let mut record = Record::new(api, start);
    let result = sign(api, request, parse, start, &mut record).await;
    record.close(&result);
    match result {
        Ok(signature) => json(signature_body(&signature)),
        Err(error) => api.refuse(error),
    }
}

async fn sign<B, T>(
    api: &Api<B>,
    request: Request<impl Received>,
    parse: Parse<T>,
    start: Instant,
    record: &mut Record<'_, B, T>,
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
    let body = body::read(request.into_body(), start).await?;
    record.arrived();
    let message = parse(&body, api.service.policy().public_key()).map_err(ApiError::Invalid)?;
    let authorized = match api.service.authorize(message) {
        Ok(authorized) => record.allowed(authorized),
        Err(denied) => {
            record.denied(denied.message);
            return Err(ApiError::Refused(denied.refusal));
        }
    };
    let (hash, signing) = tokio::select! {
        biased;
        signed = api.service.sign(authorized, start) => signed,
        () = api.health.given_up() => return Err(ApiError::Retry(Code::Draining)),
    };
    record.tried(hash, signing.effort);
    signing.result.map_err(|error| {
        // Failures of a remote backend are logged when they begin and end, not for each vote.
        if let BackendError::Sign | BackendError::Random | BackendError::Mismatch = error {
            tracing::error!("a {} was not signed: {error}", T::KIND.name());
        }
        ApiError::Retry(Code::from(&error))
    })
}

fn json(body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
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
