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
    /// Counts how often everything went silent.
    silences: watch::Sender<u64>,
    task: AbortHandle,
}

impl Proxy {
    /// Passes everything on to `target`.
    pub(super) async fn start(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound").to_string();
        let (cuts, silences) = (watch::Sender::new(0), watch::Sender::new(0));
        let (of_task, silent, target) = (cuts.clone(), silences.clone(), target.to_owned());
        let serve = async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let (mut cut, mut silence, target) = (of_task.subscribe(), silent.subscribe(), target.clone());
                tokio::spawn(async move {
                    // Where the service is away the client sees its connection end.
                    let Ok(mut server) = TcpStream::connect(target).await else { return };
                    tokio::select! {
                        _ = copy_bidirectional(&mut client, &mut server) => return,
                        _ = cut.changed() => return,
                        _ = silence.changed() => {}
                    }
                    // The service has given it up, and the client sees nothing of that.
                    drop(server);
                    let _ = cut.changed().await;
                });
            }
        };
        Self { address, cuts, silences, task: tokio::spawn(serve).abort_handle() }
    }

    /// Breaks every connection, in the middle of whatever it carries.
    pub(super) fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Passes nothing on any more over the connections that there are, and leaves them open on the client's side.
    pub(super) fn silence(&self) {
        self.silences.send_modify(|silences| *silences += 1);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}
