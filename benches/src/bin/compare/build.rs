use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use crate::Failure;
use crate::arguments::Arguments;
use crate::route::Route;

/// A build takes minutes where nothing is compiled yet.
const BUILD_LIMIT: Duration = Duration::from_secs(1_800);

/// What is run.
pub(crate) struct Programs {
    pub(crate) gateway: PathBuf,
    /// The gateway of `nats.json`, where it is wanted.
    pub(crate) nats_gateway: PathBuf,
    pub(crate) reference: PathBuf,
    pub(crate) upstream: PathBuf,
    /// Where the servers' output goes.
    pub(crate) logs: PathBuf,
}

/// Builds what no path was given for.
pub(crate) async fn programs(arguments: &Arguments) -> Result<Programs, Failure> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let target = match std::env::var_os("CARGO_TARGET_DIR") {
        Some(directory) => root.join(directory),
        None => root.join("target"),
    };
    let folder = if arguments.profile == "dev" { "debug" } else { &arguments.profile };
    let built = target.join(folder);

    let mut command = cargo(&root, &arguments.profile);
    command.args(["--package", "sluicegate-benches", "--bins"]);
    build(command, "the reference").await?;
    let logs = target.join("compare");
    std::fs::create_dir_all(&logs)?;
    // Two configs make two programs of one name: the first is kept apart.
    let nats_gateway = logs.join("gateway-nats");
    let wanted = |nats: bool| Route::ALL.into_iter().any(|route| route.is_nats() == nats && arguments.wants(route));
    if arguments.gateway.is_none() && wanted(true) {
        let mut command = cargo(&root, &arguments.profile);
        command.env("GATEWAY_CONFIG", "benches/nats.json");
        build(command, "the gateway of nats.json").await?;
        std::fs::copy(built.join("gateway"), &nats_gateway)?;
    }
    if arguments.gateway.is_none() && wanted(false) {
        let mut command = cargo(&root, &arguments.profile);
        command.env("GATEWAY_CONFIG", "benches/gateway.json");
        build(command, "the gateway").await?;
    }
    Ok(Programs {
        gateway: arguments.gateway.clone().unwrap_or_else(|| built.join("gateway")),
        nats_gateway: arguments.gateway.clone().unwrap_or(nats_gateway),
        reference: arguments.reference.clone().unwrap_or_else(|| built.join("reference")),
        upstream: built.join("upstream"),
        logs,
    })
}

fn cargo(root: &Path, profile: &str) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root).args(["build", "--profile", profile]).kill_on_drop(true);
    command
}

async fn build(mut command: Command, what: &str) -> Result<(), Failure> {
    eprintln!("building {what}");
    let status =
        timeout(BUILD_LIMIT, command.status()).await.map_err(|_| format!("building {what} took too long"))??;
    if status.success() { Ok(()) } else { Err(format!("building {what} failed").into()) }
}
