//! The listening socket.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::TcpStream;

/// The kernel cuts this down to `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// Go's `net.ListenConfig` default: a client that lost power is noticed in minutes, not never.
const KEEPALIVE: Duration = Duration::from_secs(15);

const FIRST_BACKOFF: Duration = Duration::from_millis(5);
const LONGEST_BACKOFF: Duration = Duration::from_secs(1);

/// A bound socket, ready to accept. Connections queue in the kernel from here on.
pub struct Listener(TcpListener);

impl Listener {
    /// Binds `address` with `SO_REUSEADDR`; port 0 takes a free one.
    ///
    /// `None` for the address is every address of the machine, IPv6 and IPv4 in one socket, or IPv4
    /// alone where there is no IPv6. So is `::`, as in Go; `0.0.0.0` is IPv4 alone.
    ///
    /// # Errors
    /// What the operating system says, with the address in the message.
    pub fn bind(address: Option<IpAddr>, port: u16) -> io::Result<Self> {
        let bind = |address: IpAddr| {
            let address = SocketAddr::new(address, port);
            listen(address)
                .map_err(|error| io::Error::new(error.kind(), format!("cannot listen on {address}: {error}")))
        };
        match address {
            Some(address) => bind(address),
            None => bind(Ipv6Addr::UNSPECIFIED.into()).or_else(|error| match error.kind() {
                io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied => Err(error),
                _ => bind(Ipv4Addr::UNSPECIFIED.into()),
            }),
        }
        .map(Self)
    }

    /// The address it is bound to, with the port that was taken.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// Another handle to the same socket and queue, to accept on several runtimes. The socket closes
    /// with the last of them.
    ///
    /// # Errors
    /// What the operating system says: the process is out of file descriptors.
    pub fn try_clone(&self) -> io::Result<Self> {
        self.0.try_clone().map(Self)
    }

    pub(super) fn accepting(self) -> io::Result<Accepting> {
        Ok(Accepting { listener: tokio::net::TcpListener::from_std(self.0)?, backoff: FIRST_BACKOFF })
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Listener").field(&self.0).finish()
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    // On Windows the option would let others take the port.
    if cfg!(unix) {
        socket.set_reuse_address(true)?;
    }
    // Accepted sockets inherit it.
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// A listener on a runtime.
pub(super) struct Accepting {
    listener: tokio::net::TcpListener,
    backoff: Duration,
}

impl Accepting {
    /// The next connection. Errors are logged and waited out, with growing waits where the machine
    /// lacks something (file descriptors, memory). Cancel-safe.
    pub(super) async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    self.backoff = FIRST_BACKOFF;
                    if let Err(error) = SockRef::from(&stream).set_tcp_nodelay(true) {
                        // The client has gone already; reading will say so.
                        tracing::debug!(%error, "TCP_NODELAY");
                    }
                    return (stream, SocketAddr::new(peer.ip().to_canonical(), peer.port()));
                }
                Err(error) if is_of_one_connection(&error) => {
                    tracing::debug!(%error, "a connection broke before it was accepted")
                }
                Err(error) => {
                    tracing::error!(%error, retry_in = ?self.backoff, "cannot accept connections");
                    tokio::time::sleep(self.backoff).await;
                    self.backoff = (self.backoff * 2).min(LONGEST_BACKOFF);
                }
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn all_addresses_means_both_families() {
        let listener = Listener::bind(None, 0).expect("a free port");
        let address = listener.local_addr().expect("bound");
        TcpStream::connect((Ipv4Addr::LOCALHOST, address.port())).expect("IPv4 reaches it");
        if address.is_ipv6() && TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() {
            TcpStream::connect((Ipv6Addr::LOCALHOST, address.port())).expect("IPv6 reaches it");
        }
    }

    #[test]
    fn a_port_in_use_is_an_error_that_names_it() {
        let first = Listener::bind(Some(Ipv4Addr::LOCALHOST.into()), 0).expect("a free port");
        let address = first.local_addr().expect("bound");
        let error = Listener::bind(Some(address.ip()), address.port()).expect_err("taken");
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        assert!(error.to_string().contains(&address.to_string()), "{error}");
    }

    #[test]
    fn a_clone_shares_the_socket() {
        let first = Listener::bind(Some(Ipv4Addr::LOCALHOST.into()), 0).expect("a free port");
        let second = first.try_clone().expect("a descriptor");
        assert_eq!(first.local_addr().expect("bound"), second.local_addr().expect("bound"));
    }
}
