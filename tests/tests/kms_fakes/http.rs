//! Hand-written HTTP, with one connection for each request.

use std::io::{Error, ErrorKind, Result};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Every answer arrives earlier than this.
pub const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The `error` of Google's envelope.
    pub fn error(&self) -> Value {
        let mut json = self.json();
        assert_eq!(json.as_object().unwrap().len(), 1, "{json}");
        json["error"].take()
    }
}

pub async fn get(host: &str, path: &str, headers: &str) -> Result<Answer> {
    exchange(
        host,
        &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n"),
    )
    .await
}

pub async fn post(host: &str, path: &str, body: &Value) -> Result<Answer> {
    let body = body.to_string();
    let length = body.len();
    exchange(
        host,
        &format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        ),
    )
    .await
}

/// A connection on which this request has been sent.
pub async fn send(host: &str, request: &str) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(host).await?;
    stream.write_all(request.as_bytes()).await?;
    Ok(stream)
}

/// `UnexpectedEof` when the connection ends without an answer.
async fn exchange(host: &str, request: &str) -> Result<Answer> {
    let mut stream = send(host, request).await?;
    let mut text = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut text)).await??;
    let (head, body) = text
        .split_once("\r\n\r\n")
        .ok_or(Error::from(ErrorKind::UnexpectedEof))?;
    Ok(Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.to_ascii_lowercase(),
        body: body.to_owned(),
    })
}
