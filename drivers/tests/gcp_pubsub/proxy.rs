//! What stands between a client and the service, and breaks connections.

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// A TCP proxy on loopback.
pub(super) struct Proxy {
    /// `127.0.0.1:PORT`.
    pub(super) address: String,
    /// Counts how often everything was cut.
    cuts: watch::Sender<u64>,
    task: AbortHandle,
}

impl Proxy {
    /// Passes everything on to `target`.
    pub(super) async fn start(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound").to_string();
        let cuts = watch::Sender::new(0);
        let (of_task, target) = (cuts.clone(), target.to_owned());
        let serve = async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let (mut cut, target) = (of_task.subscribe(), target.clone());
                tokio::spawn(async move {
                    // Where the service is away the client sees its connection end.
                    let Ok(mut server) = TcpStream::connect(target).await else { return };
                    tokio::select! {
                        _ = copy_bidirectional(&mut client, &mut server) => {}
                        _ = cut.changed() => {}
                    }
                });
            }
        };
        Self { address, cuts, task: tokio::spawn(serve).abort_handle() }
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
