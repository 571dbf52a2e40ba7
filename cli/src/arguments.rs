//! The command line: what can be written, and what `--help` says about it.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Arg, ArgAction, ArgMatches, value_parser};

const ABOUT: &str = "Checks a gateway.json, and builds and runs the one binary that is made from it";

const AFTER: &str = "\
`run` and `build` need a checkout of Sluicegate and a Rust toolchain. All else needs neither.

CONFIG is a path from where the command was called. Without it GATEWAY_CONFIG is taken, and
without that the gateway.json in the root of the package, or where there is no package the
nearest one at or above the folder; where there is none, the only gateway.yaml, .yml or .toml.
Files named inside a config are looked up from its own folder, or from GATEWAY_BASE.

Exit codes:
  0    it worked; there may be warnings
  1    the config has errors, or warnings that are denied
  2    the command line is wrong, or a file cannot be read or written
  101  cargo failed (other codes of cargo are passed on as they are)";

const NEEDS_RUST: &str = "Needs a checkout of Sluicegate, and a Rust toolchain (https://rustup.rs).";

/// What a person asked for.
#[derive(Debug)]
pub(crate) enum Command {
    /// Build and start.
    Run(Build),
    /// Build and say where.
    Build(Build),
    /// Diagnostics only.
    Check { configs: Vec<PathBuf>, format: Format, deny_warnings: bool },
    /// What a code means.
    Explain { code: Option<String> },
    /// The JSON Schema of a config, or of an overlay.
    Schema { overlay: bool },
    /// The generated Rust.
    Print { config: Option<PathBuf>, out: Option<PathBuf> },
    /// The whole config as one document.
    Resolve { config: Option<PathBuf> },
    /// The route table.
    Routes { config: Option<PathBuf> },
    /// A crate of the caller's own.
    New { folder: PathBuf, name: Option<String> },
}

/// What `build` and `run` share.
#[derive(Debug)]
pub(crate) struct Build {
    pub(crate) config: Option<PathBuf>,
    pub(crate) profile: Option<String>,
    /// What follows `--`: for cargo after `build`, for the gateway after `run`.
    pub(crate) rest: Vec<OsString>,
}

/// How `check` reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Human,
    Json,
    Sarif,
    Github,
}

/// Reads the command line: the environment that `--env` names, and the command. Ends the process after `--help`,
/// `--version` and on a mistake.
pub(crate) fn parse() -> (Option<OsString>, Command) {
    let matches = command().get_matches();
    let environment = matches.subcommand().and_then(|(_, found)| found.try_get_one::<OsString>("env").ok().flatten());
    (environment.cloned(), subcommand(&matches))
}

fn subcommand(matches: &ArgMatches) -> Command {
    match matches.subcommand() {
        Some(("run", found)) => Command::Run(build(found)),
        Some(("build", found)) => Command::Build(build(found)),
        Some(("check", found)) => Command::Check {
            configs: found.get_many("config").into_iter().flatten().cloned().collect(),
            format: found.get_one("format").copied().unwrap_or(Format::Human),
            deny_warnings: found.get_flag("deny-warnings"),
        },
        Some(("explain", found)) => Command::Explain { code: found.get_one("code").cloned() },
        Some(("schema", found)) => Command::Schema { overlay: found.get_flag("overlay") },
        Some(("print", found)) => Command::Print { config: path(found, "config"), out: path(found, "out") },
        Some(("resolve", found)) => Command::Resolve { config: path(found, "config") },
        Some(("routes", found)) => Command::Routes { config: path(found, "config") },
        Some(("new", found)) => {
            Command::New { folder: path(found, "folder").unwrap_or_default(), name: found.get_one("name").cloned() }
        }
        // Only reached when a subcommand is declared below and not read above.
        _ => command().error(clap::error::ErrorKind::MissingSubcommand, "a command is missing").exit(),
    }
}

fn build(found: &ArgMatches) -> Build {
    let release = found.get_flag("release").then(|| "release".to_owned());
    Build {
        config: path(found, "config"),
        profile: found.get_one("profile").cloned().or(release),
        rest: found.get_many("rest").into_iter().flatten().cloned().collect(),
    }
}

fn path(found: &ArgMatches, name: &str) -> Option<PathBuf> {
    found.get_one::<PathBuf>(name).cloned()
}

/// What the program is called by: `cargo run`, and so the alias, sets CARGO; the installed one has its own name.
pub(crate) fn program() -> &'static str {
    if env::var_os("CARGO").is_some() { "cargo gateway" } else { "sluicegate" }
}

fn command() -> clap::Command {
    let name = program();
    clap::Command::new("sluicegate")
        .bin_name(name)
        .version(env!("CARGO_PKG_VERSION"))
        .about(ABOUT)
        .after_help(AFTER)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommand(
            profile(environment(clap::Command::new("run")))
                .about("Build the gateway with what CONFIG needs, and start it here")
                .after_help(NEEDS_RUST)
                .arg(config())
                .arg(rest("ARGS", "For the gateway: `-- --help` lists what it takes")),
        )
        .subcommand(
            profile(environment(clap::Command::new("build")))
                .about("Build the gateway with what CONFIG needs, and print where the binary is")
                .after_help(NEEDS_RUST)
                .arg(config())
                .arg(rest("CARGO ARGS", "For `cargo build`: `-- --locked --target x86_64-unknown-linux-musl`")),
        )
        .subcommand(
            environment(clap::Command::new("check"))
                .about("Say everything that is wrong with each CONFIG; compiles nothing")
                .arg(config().num_args(0..))
                .arg(
                    Arg::new("format")
                        .long("format")
                        .value_name("FORMAT")
                        .default_value("human")
                        .value_parser(PossibleValuesParser::new(["human", "json", "sarif", "github"]).map(|name| {
                            match name.as_str() {
                                "json" => Format::Json,
                                "sarif" => Format::Sarif,
                                "github" => Format::Github,
                                _ => Format::Human,
                            }
                        }))
                        .help("`human` on stderr; on stdout an array, a SARIF log, or commands of GitHub Actions"),
                )
                .arg(
                    Arg::new("deny-warnings")
                        .long("deny-warnings")
                        .action(ArgAction::SetTrue)
                        .help("Let warnings fail as errors do"),
                ),
        )
        .subcommand(
            clap::Command::new("explain")
                .about("Say what the code of a mistake means, or list the codes")
                .arg(Arg::new("code").value_name("CODE").help("As `check --format json` names it: `unknown-key`")),
        )
        .subcommand(
            clap::Command::new("schema")
                .about("Print the JSON Schema of a gateway.json, for editors: what each key does and may hold")
                .arg(
                    Arg::new("overlay")
                        .long("overlay")
                        .action(ArgAction::SetTrue)
                        .help("That of a gateway.ENV.json, where nothing has to be and `null` removes"),
                ),
        )
        .subcommand(
            environment(clap::Command::new("print")).about("Print the Rust that CONFIG becomes").arg(config()).arg(
                Arg::new("out")
                    .short('o')
                    .long("output")
                    .value_name("FILE")
                    .value_parser(value_parser!(PathBuf))
                    .help("Write it to FILE instead"),
            ),
        )
        .subcommand(
            environment(clap::Command::new("resolve"))
                .about("Print CONFIG as one JSON document: overlay, fragments and variables in their places")
                .arg(config()),
        )
        .subcommand(
            environment(clap::Command::new("routes"))
                .about("Print each route: method, path, what it calls, where the config says so")
                .arg(config()),
        )
        .subcommand(
            clap::Command::new("new")
                .about("Make a crate of your own that builds a gateway")
                .after_help("Its libraries are those of the checkout that this is called in, else the registry's.")
                .arg(
                    Arg::new("folder")
                        .value_name("DIR")
                        .required(true)
                        .value_parser(value_parser!(PathBuf))
                        .help("The folder to make; it may exist when it is empty"),
                )
                .arg(
                    Arg::new("name")
                        .long("name")
                        .value_name("NAME")
                        .help("The name of the package; the folder's when it is not given"),
                ),
        )
}

fn config() -> Arg {
    Arg::new("config").value_name("CONFIG").value_parser(value_parser!(PathBuf)).help("The gateway.json to take")
}

fn environment(command: clap::Command) -> clap::Command {
    let help = "Lay the overlay of this environment over CONFIG: `prod` for gateway.prod.json; GATEWAY_ENV without it";
    let name = Arg::new("env").short('e').long("env").value_name("NAME").value_parser(value_parser!(OsString));
    command.arg(name.help(help))
}

fn profile(command: clap::Command) -> clap::Command {
    let release = Arg::new("release").short('r').long("release").action(ArgAction::SetTrue);
    let profile = Arg::new("profile").long("profile").value_name("NAME").conflicts_with("release");
    command
        .arg(release.help("Build optimised"))
        .arg(profile.help("Build with this profile of Cargo.toml: `ship` is the one for production"))
}

fn rest(name: &'static str, help: &'static str) -> Arg {
    Arg::new("rest").value_name(name).last(true).num_args(0..).value_parser(value_parser!(OsString)).help(help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations_are_sound() {
        command().debug_assert();
    }
}
