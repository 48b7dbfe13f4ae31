//! Proxies that count.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

#[derive(Clone, Copy, Debug)]
pub enum Protocol {
    /// `CONNECT`, with the credentials that it asks for, if any.
    Http(Option<&'static str>),
    Socks5,
}

/// A proxy that forwards every request to one server, regardless of the requested name.
pub struct Proxy {
    pub address: SocketAddr,
    connections: Arc<AtomicU32>,
    task: JoinHandle<()>,
}

impl Proxy {
    pub async fn start(protocol: Protocol, server: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let connections = Arc::new(AtomicU32::new(0));
        let counter = connections.clone();
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(lead(protocol, client, server));
            }
        });
        Ok(Self {
            address,
            connections,
            task,
        })
    }

    /// Number of connections since the last call.
    pub fn connections(&self) -> u32 {
        self.connections.swap(0, Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn lead(protocol: Protocol, mut client: TcpStream, server: SocketAddr) -> io::Result<()> {
    let greeted = match protocol {
        Protocol::Http(credentials) => http(&mut client, credentials).await?,
        Protocol::Socks5 => socks5(&mut client).await?,
    };
    if greeted {
        let mut server = TcpStream::connect(server).await?;
        copy_bidirectional(&mut client, &mut server).await?;
    }
    Ok(())
}

async fn http(client: &mut TcpStream, credentials: Option<&str>) -> io::Result<bool> {
    let mut head = vec![];
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).to_lowercase();
    let expected = credentials.map(|credentials| {
        let encoded = data_encoding::BASE64.encode(credentials.as_bytes());
        format!("proxy-authorization: basic {}\r\n", encoded.to_lowercase())
    });
    let is_allowed = expected.is_none_or(|expected| head.contains(&expected));
    let answer = match (head.starts_with("connect "), is_allowed) {
        (true, true) => "200 OK",
        (true, false) => "407 Proxy Authentication Required",
        (false, _) => "405 Method Not Allowed",
    };
    client
        .write_all(format!("HTTP/1.1 {answer}\r\n\r\n").as_bytes())
        .await?;
    Ok(answer.starts_with("200"))
}

/// Without credentials, for any requested address.
async fn socks5(client: &mut TcpStream) -> io::Result<bool> {
    let mut head = [0; 2];
    client.read_exact(&mut head).await?;
    let mut methods = vec![0; head[1].into()];
    client.read_exact(&mut methods).await?;
    client.write_all(&[5, 0]).await?;
    let mut request = [0; 4];
    client.read_exact(&mut request).await?;
    let length = match request[3] {
        1 => 4,
        4 => 16,
        _ => client.read_u8().await?.into(),
    };
    let mut address = vec![0; length + 2];
    client.read_exact(&mut address).await?;
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
    Ok(true)
}
