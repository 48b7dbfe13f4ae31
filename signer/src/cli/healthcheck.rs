use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::Duration,
};

use crate::{
    config::ManagementConfig,
    net::Place,
    one_line::{cut, one_line},
};

const TIME_LIMIT: Duration = Duration::from_secs(2);

/// Queries the health of the signer in this container.
pub fn run(config: &ManagementConfig, ready: bool) -> Result<(), String> {
    let path = if ready { "/health/readiness" } else { "/health/liveness" };
    let ip = match config.place {
        Place::Ip(ip) if !ip.is_unspecified() => ip,
        Place::Ip(IpAddr::V6(_)) => Ipv6Addr::LOCALHOST.into(),
        Place::Ip(IpAddr::V4(_)) | Place::All | Place::Localhost => Ipv4Addr::LOCALHOST.into(),
    };
    let address = SocketAddr::new(ip, config.port);
    let answer = ask(address, path).map_err(|error| {
        format!(
            "http://{address}{path}: found no answer ({error}), expected a signer with this ATTO_SIGNER_MANAGEMENT_PORT"
        )
    })?;
    let status = cut(answer.split(' ').nth(1).unwrap_or("no status"), 20);
    if status == "200" {
        return Ok(());
    }
    let body = one_line(answer.split_once("\r\n\r\n").map_or("", |(_, body)| body));
    Err(format!("http://{address}{path}: found {status} {body}, expected 200"))
}

fn ask(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, TIME_LIMIT)?;
    stream.set_read_timeout(Some(TIME_LIMIT))?;
    stream.set_write_timeout(Some(TIME_LIMIT))?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.take(64 * 1024).read_to_string(&mut answer)?;
    Ok(answer)
}
