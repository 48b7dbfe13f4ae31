//! The addresses that a port listens on.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    str::FromStr,
};

use socket2::{Domain, Protocol, Socket, Type};

const BACKLOG: i32 = 1024;

/// The addresses of this host that a port listens on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// All addresses of both families, or only IPv4 if the host has no IPv6.
    All,
    /// 127.0.0.1 and, if available, `::1`.
    Localhost,
    /// This address.
    Ip(IpAddr),
}

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if text.eq_ignore_ascii_case("localhost") {
            return Ok(Self::Localhost);
        }
        let bare = text
            .strip_prefix('[')
            .and_then(|text| text.strip_suffix(']'))
            .unwrap_or(text);
        match bare.parse() {
            // Without IPV6_V6ONLY, this includes every IPv4 address.
            Ok(IpAddr::V6(Ipv6Addr::UNSPECIFIED)) => Ok(Self::All),
            Ok(ip) => Ok(Self::Ip(ip)),
            Err(_) => Err(()),
        }
    }
}

impl Place {
    /// Listens on this port of all these addresses.
    pub fn listen(self, port: u16) -> Result<Vec<TcpListener>, (SocketAddr, io::Error)> {
        let shared = self.listen_shared(port, 1)?;
        Ok(shared.into_iter().flatten().collect())
    }

    /// Listens for this many threads: the kernel distributes new connections among their listeners.
    pub fn listen_shared(self, port: u16, threads: usize) -> Result<Vec<Vec<TcpListener>>, (SocketAddr, io::Error)> {
        let v4 = |ip| SocketAddr::new(IpAddr::V4(ip), port);
        let v6 = |ip| SocketAddr::new(IpAddr::V6(ip), port);
        let open = |address| listen(address, threads).map_err(|error| (address, error));
        let of_addresses = match self {
            Self::Ip(ip) => vec![open(SocketAddr::new(ip, port))?],
            Self::All => match open(v6(Ipv6Addr::UNSPECIFIED)) {
                Err((_, error)) if is_missing(&error) => vec![open(v4(Ipv4Addr::UNSPECIFIED))?],
                listeners => vec![listeners?],
            },
            Self::Localhost => {
                let mut all = vec![open(v4(Ipv4Addr::LOCALHOST))?];
                match open(v6(Ipv6Addr::LOCALHOST)) {
                    Err((_, error)) if is_missing(&error) => {}
                    listeners => all.push(listeners?),
                }
                all
            }
        };
        let mut of_threads: Vec<Vec<_>> = (0..threads).map(|_| Vec::new()).collect();
        for listeners in of_addresses {
            for (of_thread, listener) in of_threads.iter_mut().zip(listeners) {
                of_thread.push(listener);
            }
        }
        Ok(of_threads)
    }
}

/// Whether the host does not have this address or its family.
fn is_missing(error: &io::Error) -> bool {
    use nix::libc::{EADDRNOTAVAIL, EAFNOSUPPORT, ENOPROTOOPT, EPROTONOSUPPORT};
    matches!(
        error.raw_os_error(),
        Some(EADDRNOTAVAIL | EAFNOSUPPORT | EPROTONOSUPPORT | ENOPROTOOPT)
    )
}

fn listen(address: SocketAddr, times: usize) -> io::Result<Vec<TcpListener>> {
    let socket = socket(address)?;
    socket.bind(&address.into())?;
    // After it is bound. Otherwise it could share the port of another signer, and each would get half of the votes.
    socket.set_reuse_port(times > 1)?;
    socket.listen(BACKLOG)?;
    let mut listeners = vec![TcpListener::from(socket)];
    for _ in 1..times {
        listeners.push(another(&listeners[0])?);
    }
    Ok(listeners)
}

/// On a kernel without a queue for each listener, both share one queue.
fn another(first: &TcpListener) -> io::Result<TcpListener> {
    let address = first.local_addr()?;
    let socket = socket(address)?;
    socket.set_reuse_port(true)?;
    if socket
        .bind(&address.into())
        .and_then(|()| socket.listen(BACKLOG))
        .is_ok()
    {
        Ok(socket.into())
    } else {
        first.try_clone()
    }
}

fn socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if let SocketAddr::V6(v6) = address {
        socket.set_only_v6(!v6.ip().is_unspecified())?;
    }
    // A restart must not wait for connections of the previous process.
    socket.set_reuse_address(true)?;
    // Connections inherit the listener's option, which saves a system call for each.
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::{net::TcpStream, time::Duration};

    use super::*;

    #[test]
    fn places_are_named_as_people_name_them() {
        assert_eq!("LocalHost".parse(), Ok(Place::Localhost));
        assert_eq!("[::]".parse(), Ok(Place::All));
        assert_eq!("::".parse(), Ok(Place::All));
        assert_eq!("0.0.0.0".parse(), Ok(Place::Ip(Ipv4Addr::UNSPECIFIED.into())));
        assert_eq!("[::1]".parse(), Ok(Place::Ip(Ipv6Addr::LOCALHOST.into())));
        assert_eq!("signer".parse::<Place>(), Err(()));
        assert_eq!("".parse::<Place>(), Err(()));
    }

    #[test]
    fn connections_inherit_nodelay() {
        let listener = &Place::Ip(Ipv4Addr::LOCALHOST.into()).listen(0).unwrap()[0];
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        assert!(accepted.nodelay().unwrap());
    }

    #[test]
    fn the_backlog_is_longer_than_usual() {
        let listener = &Place::Ip(Ipv4Addr::LOCALHOST.into()).listen(0).unwrap()[0];
        let address = listener.local_addr().unwrap();
        // Nothing accepts here. With the usual backlog of 128, the last connections would wait without end.
        let waiting: Vec<_> = (0..400)
            .map(|_| TcpStream::connect_timeout(&address, Duration::from_secs(20)))
            .collect();
        assert!(
            waiting.iter().all(Result::is_ok),
            "the kernel cuts the backlog: net.core.somaxconn is below 400"
        );
    }

    #[test]
    fn an_occupied_port_is_named() {
        let taken = Place::Ip(Ipv4Addr::LOCALHOST.into()).listen(0).unwrap();
        let port = taken[0].local_addr().unwrap().port();
        for place in [Place::Localhost, Place::All, Place::Ip(Ipv4Addr::LOCALHOST.into())] {
            let (address, error) = place.listen(port).unwrap_err();
            assert_eq!(
                (address.port(), error.kind()),
                (port, io::ErrorKind::AddrInUse),
                "{place:?}"
            );
        }
    }
    #[test]
    fn threads_share_a_port_that_no_other_signer_gets() {
        let place = Place::Ip(Ipv4Addr::LOCALHOST.into());
        let threads: Vec<_> = place.listen_shared(0, 2).unwrap().into_iter().flatten().collect();
        let address = threads[0].local_addr().unwrap();
        assert_eq!(threads[1].local_addr().unwrap(), address);
        let (_, error) = place.listen_shared(address.port(), 2).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        let _clients: Vec<_> = (0..100).map(|_| TcpStream::connect(address).unwrap()).collect();
        let taken = threads
            .iter()
            .map(|thread| std::iter::from_fn(|| thread.accept().ok()).count());
        let taken: Vec<_> = taken.collect();
        assert_eq!(taken.iter().sum::<usize>(), 100);
        assert!(taken.iter().all(|taken| *taken > 10), "{taken:?}");
    }

    #[test]
    fn a_port_that_cannot_be_shared_has_one_queue_for_all() {
        let alone = TcpListener::bind("127.0.0.1:0").unwrap();
        let second = another(&alone).unwrap();
        let _client = TcpStream::connect(alone.local_addr().unwrap()).unwrap();
        assert!(second.accept().is_ok());
    }
}
