//! Reads the kernel's data about loopback connections.

use std::fs;
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context, Result, bail};

/// Whether the other side, on this computer as well, has read everything that was sent.
///
/// # Errors
/// It is not an IPv4 connection, or the kernel does not list it.
pub fn is_read(stream: &TcpStream) -> Result<bool> {
    let (ours, theirs) = (name(stream.local_addr()?)?, name(stream.peer_addr()?)?);
    let table = fs::read_to_string("/proc/net/tcp").context("cannot read /proc/net/tcp")?;
    // The fields are: number, local address, remote address, state, sent and not acknowledged:received and not read.
    let queues = |local: &str, remote: &str| {
        let rows = table
            .lines()
            .map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
        let mut found = rows.filter(|fields| fields.get(1..3) == Some([local, remote].as_slice()));
        found.next()?.get(4)?.split_once(':').map(own)
    };
    let sent = queues(&ours, &theirs).is_some_and(|(unsent, _)| is_zero(&unsent));
    Ok(sent && queues(&theirs, &ours).is_some_and(|(_, unread)| is_zero(&unread)))
}

fn own((first, second): (&str, &str)) -> (String, String) {
    (first.to_owned(), second.to_owned())
}

fn is_zero(number: &str) -> bool {
    number.bytes().all(|digit| digit == b'0')
}

/// As in `/proc/net/tcp`.
fn name(address: SocketAddr) -> Result<String> {
    match address {
        SocketAddr::V4(v4) => {
            let ip = u32::from_ne_bytes(v4.ip().octets());
            Ok(format!("{ip:08X}:{:04X}", v4.port()))
        }
        SocketAddr::V6(_) => bail!("{address} is not IPv4"),
    }
}
