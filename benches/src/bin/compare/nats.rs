use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_nats::jetstream::{self, consumer, stream};
use async_nats::{Client, HeaderMap};
use tokio::time::timeout;

use crate::Failure;
use crate::arguments::Arguments;
use crate::server::{Server, free_address, pinned};
use sluicegate_benches::{NATS_DURABLE, NATS_IN, NATS_JETSTREAM, NATS_STREAM, ORDER};

/// Sending all messages of a round takes a second or two.
const FEED_LIMIT: Duration = Duration::from_secs(120);

/// A NATS server of one program's own, on the load's core, with the stream and the consumer of `nats.json`.
pub(crate) struct Nats {
    pub(crate) url: String,
    client: Client,
    _server: Server,
}

impl Nats {
    /// Starts a server whose state is in `folder`, which is emptied.
    pub(crate) async fn start(arguments: &Arguments, name: &'static str, folder: &Path) -> Result<Self, Failure> {
        let address = free_address().await?;
        let store = folder.join(name);
        if store.exists() {
            fs::remove_dir_all(&store)?;
        }
        let (host, port) = address.split_once(':').ok_or("an address without a port")?;
        let mut command = pinned(arguments.load_core, arguments.priority);
        command
            .arg(program(arguments)?)
            .args(["--addr", host, "--port", port, "--jetstream", "--store_dir"])
            .arg(&store);
        let server = Server::start(name, command, address.clone(), folder).await?;
        let url = format!("nats://{address}");
        let client = async_nats::connect(&url).await?;
        let context = jetstream::new(client.clone());
        let stream = context
            .create_stream(stream::Config {
                name: NATS_STREAM.to_owned(),
                subjects: vec![NATS_JETSTREAM.to_owned()],
                retention: stream::RetentionPolicy::WorkQueue,
                storage: stream::StorageType::Memory,
                ..Default::default()
            })
            .await?;
        stream
            .create_consumer(consumer::pull::Config {
                durable_name: Some(NATS_DURABLE.to_owned()),
                filter_subject: NATS_JETSTREAM.to_owned(),
                ..Default::default()
            })
            .await?;
        Ok(Self { url, client, _server: server })
    }

    /// Publishes `count` messages to be consumed, as fast as it can.
    pub(crate) async fn feed(&self, count: u64) -> Result<(), Failure> {
        let mut headers = HeaderMap::new();
        headers.insert("Content-Type", "application/json");
        let feed = async {
            for _ in 0..count {
                self.client.publish_with_headers(NATS_IN, headers.clone(), ORDER.into()).await?;
            }
            Ok(self.client.flush().await?)
        };
        timeout(FEED_LIMIT, feed).await.map_err(|_| "the NATS server does not take the messages")?
    }
}

/// The server that was asked for, or the one that the tests install, or the one on the PATH.
fn program(arguments: &Arguments) -> Result<PathBuf, Failure> {
    if let Some(program) = &arguments.nats_server {
        return Ok(program.clone());
    }
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/brokers/bin/nats-server");
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders).map(|folder| folder.join("nats-server"));
    let found = std::iter::once(installed).chain(found).find(|program| program.is_file());
    found.ok_or_else(|| "there is no nats-server: tests/brokers/install.sh nats, or --nats-server PATH".into())
}
