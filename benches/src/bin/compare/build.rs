use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use crate::Failure;
use crate::arguments::Arguments;
use crate::route::Config;

/// A build takes minutes where nothing is compiled yet.
const BUILD_LIMIT: Duration = Duration::from_secs(1_800);

/// What is run.
pub(crate) struct Programs {
    /// The gateway of each config that is wanted.
    gateways: Vec<(Config, PathBuf)>,
    pub(crate) reference: PathBuf,
    pub(crate) upstream: PathBuf,
    /// Makes what the gateways expect in RabbitMQ and Kafka.
    pub(crate) prepare: PathBuf,
    /// Where the servers' output goes.
    pub(crate) logs: PathBuf,
}

impl Programs {
    /// The gateway of `config`.
    pub(crate) fn gateway(&self, config: Config) -> Result<&Path, Failure> {
        let found = self.gateways.iter().find(|(known, _)| *known == config);
        found.map(|(_, path)| path.as_path()).ok_or_else(|| format!("{} was not built", file(config)).into())
    }
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
    command.args(["--package", "sluicegate-benches", "--bins", "--features", &features(arguments)]);
    build(command, "the reference").await?;
    let logs = target.join("compare");
    std::fs::create_dir_all(&logs)?;
    let mut gateways = Vec::new();
    for config in Config::ALL.into_iter().filter(|config| arguments.wants_any(*config)) {
        if let Some(given) = &arguments.gateway {
            gateways.push((config, given.clone()));
            continue;
        }
        let mut command = cargo(&root, &arguments.profile);
        // As `cargo gateway` does.
        command.args(["--no-default-features", "--features", config.needs()]).env("GATEWAY_CONFIG", file(config));
        build(command, &format!("the gateway of {}", file(config))).await?;
        // They are programs of one name: each is kept apart.
        let kept = logs.join(format!("gateway-{}", config.name()));
        std::fs::copy(built.join("gateway"), &kept)?;
        gateways.push((config, kept));
    }
    Ok(Programs {
        gateways,
        reference: arguments.reference.clone().unwrap_or_else(|| built.join("reference")),
        upstream: built.join("upstream"),
        prepare: built.join("prepare"),
        logs,
    })
}

/// The features of this package that are named as the configs are.
fn features(arguments: &Arguments) -> String {
    let wanted = [Config::Rabbitmq, Config::Kafka].into_iter().filter(|config| arguments.wants_any(*config));
    wanted.map(Config::name).collect::<Vec<_>>().join(",")
}

fn file(config: Config) -> String {
    format!("benches/{}.json", config.name())
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
