//! What stands between the gateway and its broker, and can fail.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A TCP proxy on loopback.
pub(super) struct Proxy {
    pub(super) port: u16,
    target: Arc<AtomicU16>,
    /// Counts how often everything was cut.
    cuts: Arc<watch::Sender<u64>>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Passes nothing on until it is told where to.
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let own = listener.local_addr().expect("bound").port();
        let (cuts, target) = (Arc::new(watch::Sender::new(0)), Arc::new(AtomicU16::new(0)));
        let task = tokio::spawn(serve(listener, Arc::clone(&target), Arc::clone(&cuts)));
        Self { port: own, target, cuts, task }
    }

    /// Passes on to `port`, whether or not anything listens there yet.
    pub(super) fn to(&self, port: u16) {
        self.target.store(port, Ordering::Relaxed);
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

async fn serve(listener: TcpListener, target: Arc<AtomicU16>, cuts: Arc<watch::Sender<u64>>) {
    while let Ok((client, _)) = listener.accept().await {
        let mut cut = cuts.subscribe();
        let broker = SocketAddr::from((Ipv4Addr::LOCALHOST, target.load(Ordering::Relaxed)));
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
