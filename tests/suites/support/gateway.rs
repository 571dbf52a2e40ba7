use std::net::{Ipv4Addr, SocketAddr};

use sluicegate_runtime::description::Description;
use sluicegate_runtime::server::Listener;
use sluicegate_runtime::{Gateway, Served, StartError};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{Answer, Client, logs, soon};

/// A gateway that runs on the test's own runtime, and ends with it.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<Served, StartError>>,
}

impl Running {
    pub(crate) fn start(description: &'static Description) -> Self {
        logs::install();
        let gateway = Gateway::open(description).expect("the gateway starts");
        let listener = Listener::bind(Some(Ipv4Addr::LOCALHOST.into()), 0).expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            // A test that ends without stopping drops the sender.
            let _ = stopped.await;
        };
        let task = tokio::spawn(gateway.serve(listener, shutdown));
        Self { address, stop, task }
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.address).await
    }

    /// One request on a connection of its own.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.client().await.request("GET", path, &[], "").await
    }

    pub(crate) async fn post(&self, path: &str, body: impl AsRef<[u8]>) -> Answer {
        self.client().await.request("POST", path, &[], body).await
    }

    pub(crate) async fn stop(self) -> Served {
        self.stop.send(()).expect("the gateway runs");
        soon(self.task).await.expect("no panic").expect("it was served")
    }
}
