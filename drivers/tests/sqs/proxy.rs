//! What stands between a client and its server, and can be cut.

use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// A TCP proxy on loopback.
pub(super) struct Proxy {
    pub(super) port: u16,
    /// Counts how often everything was cut.
    cuts: Arc<watch::Sender<u64>>,
    task: AbortHandle,
}

impl Proxy {
    pub(super) async fn start(to: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let cuts = Arc::new(watch::Sender::new(0));
        let of_task = Arc::clone(&cuts);
        let serve = async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let mut cut = of_task.subscribe();
                tokio::spawn(async move {
                    let Ok(mut server) = TcpStream::connect(("127.0.0.1", to)).await else { return };
                    tokio::select! {
                        _ = copy_bidirectional(&mut client, &mut server) => {}
                        _ = cut.changed() => {}
                    }
                });
            }
        };
        Self { port, cuts, task: tokio::spawn(serve).abort_handle() }
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
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
