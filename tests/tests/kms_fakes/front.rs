//! Servers that are unavailable, silent or close connections.

use std::io::ErrorKind;

use tests::eventually;
use tests::fake_metadata::FakeMetadata;
use tests::fake_server::Front;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::http::{PATIENCE, get, send};

const PATH: &str = "/computeMetadata/v1/instance/service-accounts/default/email";
const FLAVOR: &str = "Metadata-Flavor: Google\r\n";

async fn works(server: &FakeMetadata) -> bool {
    get(&server.host(), PATH, FLAVOR)
        .await
        .is_ok_and(|answer| answer.status == 200)
}

#[tokio::test]
async fn a_server_that_is_absent_refuses_and_comes_back_on_its_port() {
    let server = FakeMetadata::start(Front::Refusing).unwrap();
    let host = server.host();
    let refused = TcpStream::connect(&host).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    server.set_front(Front::Serving).await.unwrap();
    assert_eq!(server.host(), host);
    assert!(works(&server).await);
    let mut open = TcpStream::connect(&host).await.unwrap();
    server.set_front(Front::Refusing).await.unwrap();
    assert_eq!(
        TcpStream::connect(&host).await.unwrap_err().kind(),
        ErrorKind::ConnectionRefused
    );
    let read = timeout(PATIENCE, open.read(&mut [0; 8])).await.unwrap();
    assert!(matches!(read, Ok(0) | Err(_)), "open connections end too: {read:?}");
    server.set_front(Front::Serving).await.unwrap();
    assert!(works(&server).await);
}

#[tokio::test]
async fn a_rude_server_closes_what_it_accepts() {
    let server = FakeMetadata::start(Front::Dropping).unwrap();
    assert!(get(&server.host(), PATH, FLAVOR).await.is_err());
    server.set_front(Front::Serving).await.unwrap();
    assert!(works(&server).await);
}

#[tokio::test]
async fn a_silent_server_accepts_and_answers_no_connection_old_or_new() {
    let server = FakeMetadata::start(Front::Serving).unwrap();
    let request = format!("GET {PATH} HTTP/1.1\r\nHost: localhost\r\n{FLAVOR}\r\n");
    let mut old = send(&server.host(), &request).await.unwrap();
    let mut bytes = [0; 4096];
    assert!(timeout(PATIENCE, old.read(&mut bytes)).await.unwrap().unwrap() > 0);
    server.set_front(Front::Silent).await.unwrap();
    let mut new = send(&server.host(), &request).await.unwrap();
    old.write_all(request.as_bytes()).await.unwrap();
    eventually(PATIENCE, "both requests have come", async || {
        anyhow::ensure!(server.silenced() == 2, "{}", server.silenced());
        Ok(())
    })
    .await
    .unwrap();
    server.set_front(Front::Serving).await.unwrap();
    assert!(works(&server).await);
    // Requests from the silent time are still not answered.
    for stream in [&mut old, &mut new] {
        let unread = stream.try_read(&mut bytes);
        assert_eq!(unread.unwrap_err().kind(), ErrorKind::WouldBlock);
    }
}
