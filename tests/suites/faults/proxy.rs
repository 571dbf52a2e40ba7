//! What stands between the gateway and its broker, and can fail.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A TCP proxy on loopback.
pub(super) struct Proxy {
    pub(super) port: u16,
    /// Counts how often everything was cut.
    cuts: Arc<watch::Sender<u64>>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Passes on to `port`, whether or not anything listens there yet.
    pub(super) async fn start(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let own = listener.local_addr().expect("bound").port();
        let cuts = Arc::new(watch::Sender::new(0));
        let task = tokio::spawn(serve(listener, SocketAddr::from((Ipv4Addr::LOCALHOST, port)), Arc::clone(&cuts)));
        Self { port: own, cuts, task }
    }

    /// Breaks every connection, in the middle of whatever it carries.
    pub(super) fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, broker: SocketAddr, cuts: Arc<watch::Sender<u64>>) {
    while let Ok((client, _)) = listener.accept().await {
        let mut cut = cuts.subscribe();
        tokio::spawn(async move {
            // Where the broker is away the client sees its connection end.
            let Ok(server) = TcpStream::connect(broker).await else { return };
            let (mut client, mut server) = (client, server);
            let _ = (client.set_nodelay(true), server.set_nodelay(true));
            tokio::select! {
                _ = copy_bidirectional(&mut client, &mut server) => {}
                _ = cut.changed() => {}
            }
        });
    }
}
