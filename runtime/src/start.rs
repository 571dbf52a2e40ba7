//! The program: command line, environment, signals.

use std::env;
use std::ffi::OsString;
use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;

use crate::description::{Description, Server};
use crate::gateway::{Gateway, StartError};
use crate::logging;
use crate::overrides;
use crate::server::Listener;
use crate::tls;
use crate::version::VERSION;

/// `{overrides}` stands for the variables that take effect.
const HELP: &str = "\
Usage: gateway [OPTIONS]

Options:
      --listen ADDRESS  listen at IP:PORT, :PORT or PORT instead of what the config says
      --routes          print the route table and exit
  -V, --version         print name, version, config file and its hash, and exit
  -h, --help            print this and exit

Environment:
  GATEWAY_LISTEN  as --listen, which wins
  GATEWAY_BASE    the folder of the files that the config names, instead of the working directory
  NO_COLOR        no colours in logs
  KRAKEND_KEY     instead of what the config's first level says of that key:
{overrides}
  What else is on the first level is baked into the program: the gateway does not start where KRAKEND_TIMEOUT,
  KRAKEND_CACHE_TTL, KRAKEND_OUTPUT_ENCODING, KRAKEND_DISABLE_REST or KRAKEND_ALLOW_INSECURE_CONNECTIONS say otherwise
  than the config it was built from. Variables and files that the config names as env:NAME and file:PATH are read too.

Exit codes: 0 after a shutdown that finished every request, 1 when the gateway cannot start or a shutdown cut
requests off, 2 for a wrong command line.
";

/// Where the command line or the environment says to listen. `None` is what the config says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Listen {
    ip: Option<IpAddr>,
    port: Option<u16>,
}

enum Command {
    Serve(Listen),
    Routes,
    Version,
    Help,
}

/// Runs the gateway until SIGTERM or SIGINT: the whole of a generated program's `main`.
///
/// Reads the command line (`--help` describes it), starts logging and a multi-threaded tokio runtime, and blocks until
/// the gateway has drained. A second signal ends the process at once.
pub fn main(description: &'static Description) -> ExitCode {
    let command = match parse(env::args_os().skip(1)) {
        Ok(command) => command,
        Err(error) => {
            complain(format_args!("error: {error}\n\n{}", help()));
            return ExitCode::from(2);
        }
    };
    match command {
        Command::Help => say(format_args!("{}", help())),
        Command::Version => {
            say(format_args!("sluicegate {VERSION} ({}, sha256 {})\n", description.config, description.hash));
        }
        Command::Routes => say(format_args!("{}", routes(description))),
        Command::Serve(listen) => return serve(description, listen),
    }
    ExitCode::SUCCESS
}

fn help() -> String {
    HELP.replace("{overrides}", &overrides::listed())
}

// `print!` panics where nobody reads, as in `gateway --routes | head -1`; there is nobody to tell then.
fn say(text: fmt::Arguments<'_>) {
    let _ = io::stdout().write_fmt(text);
}

fn complain(text: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{text}");
}

fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, lexopt::Error> {
    use lexopt::prelude::{Long, Short, ValueExt};

    let mut parser = lexopt::Parser::from_args(arguments);
    let mut listen = Listen::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("listen") => listen = parse_listen(&parser.value()?.string()?)?,
            Long("routes") => return Ok(Command::Routes),
            Short('V') | Long("version") => return Ok(Command::Version),
            Short('h') | Long("help") => return Ok(Command::Help),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Command::Serve(listen))
}

fn parse_listen(text: &str) -> Result<Listen, String> {
    let port = |text: &str| text.parse::<u16>().map(|port| Listen { ip: None, port: Some(port) }).ok();
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(Listen { ip: Some(address.ip()), port: Some(address.port()) });
    }
    port(text.strip_prefix(':').unwrap_or(text))
        .ok_or_else(|| format!("{text:?} is not an address: it is IP:PORT, [IPV6]:PORT, :PORT or PORT"))
}

/// `--listen`, then GATEWAY_LISTEN, then what `server` says: KRAKEND_PORT and KRAKEND_LISTEN_IP, then the config.
fn listen_at(flag: Listen, server: &Server) -> Result<(Option<IpAddr>, u16), StartError> {
    let mut listen = flag;
    if listen == Listen::default() {
        listen = match env::var("GATEWAY_LISTEN") {
            Ok(value) if !value.is_empty() => {
                parse_listen(&value).map_err(|why| StartError::new(format!("GATEWAY_LISTEN: {why}")))?
            }
            Ok(_) | Err(env::VarError::NotPresent) => listen,
            Err(env::VarError::NotUnicode(_)) => {
                return Err(StartError::new("the environment variable GATEWAY_LISTEN is not text"));
            }
        };
    }
    Ok((listen.ip.or(server.listen_ip), listen.port.unwrap_or(server.port)))
}

fn serve(description: &'static Description, listen: Listen) -> ExitCode {
    logging::start(description.logging);
    tls::install_provider();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(format_args!("error: the tokio runtime cannot start: {error}"));
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(description, listen)) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(cut_off) => {
            tracing::error!(cut_off, "the time to drain was up: connections were cut off");
            ExitCode::FAILURE
        }
        Err(error) => {
            complain(format_args!("{error}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(description: &'static Description, listen: Listen) -> Result<usize, StartError> {
    let description = with_overrides(description)?;
    let (ip, port) = listen_at(listen, &description.server)?;
    let gateway = Gateway::open(description)?;
    let listener = Listener::bind(ip, port).map_err(|error| StartError::new(error.to_string()))?;
    let mut signals = Signals::new().map_err(|error| StartError::new(format!("signals cannot be handled: {error}")))?;
    let address = listener
        .local_addr()
        .map_err(|error| StartError::new(format!("the listening address is not known: {error}")))?;
    announce(description, &gateway, address);
    let shutdown = async move {
        signals.next().await;
        tracing::info!("shutting down: finishing the requests that run, a second signal ends at once");
        tokio::spawn(async move {
            signals.next().await;
            tracing::warn!("second signal: ending at once");
            #[expect(clippy::disallowed_methods, reason = "that is what a second signal asks for")]
            std::process::exit(1);
        });
    };
    let served = gateway.serve(listener, shutdown).await?;
    tracing::info!(cut_off = served.cut_off, "stopped");
    Ok(served.cut_off)
}

/// What the gateway is, with what the environment says otherwise.
fn with_overrides(description: &'static Description) -> Result<&'static Description, StartError> {
    let overridden = overrides::read(description, env::vars_os())?;
    for warning in &overridden.warnings {
        tracing::warn!("{warning}");
    }
    if overridden.applied.is_empty() {
        return Ok(description);
    }
    tracing::info!(variables = overridden.applied.join(","), "the environment overrides the config");
    // It lasts as long as the process.
    Ok(Box::leak(Box::new(overridden.description)))
}

struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// What a person wants to know of a gateway that has just started.
fn announce(description: &Description, gateway: &Gateway, address: SocketAddr) {
    let scheme = if description.server.tls.is_some() { "https" } else { "http" };
    if io::stdout().is_terminal() {
        say(format_args!("{}", routes(description)));
        for (name, state) in gateway.brokers() {
            say(format_args!("broker {name}: {}\n", crate::ready::word(&state)));
        }
        say(format_args!("listening at {scheme}://{address}\n"));
    }
    let brokers: Vec<_> = gateway.brokers().map(|(name, _)| name).collect();
    tracing::info!(
        version = VERSION,
        config = description.config,
        name = description.name,
        %address,
        scheme,
        routes = description.endpoints.len(),
        brokers = brokers.join(","),
        "listening"
    );
}

/// Method, path, what is called and where it stands in the config, in columns.
fn routes(description: &Description) -> String {
    let rows: Vec<_> = description.endpoints.iter().map(|endpoint| (endpoint.options(), endpoint.summary())).collect();
    let width = rows.iter().map(|(options, _)| options.path.chars().count()).max().unwrap_or_default();
    let calls = rows.iter().map(|(_, summary)| summary.chars().count()).max().unwrap_or_default();
    rows.iter().fold(String::new(), |mut table, (options, summary)| {
        let (method, path, source) = (options.method, options.path, options.source);
        // Writing to a String cannot fail.
        let _ = writeln!(table, "{method:<7} {path:<width$}  {summary:<calls$}  {source}");
        table
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let listen = |ip: Option<&str>, port| Listen { ip: ip.map(|ip| ip.parse().unwrap()), port: Some(port) };
        for (text, expected) in [
            ("9090", Some(listen(None, 9090))),
            (":9090", Some(listen(None, 9090))),
            ("127.0.0.1:9090", Some(listen(Some("127.0.0.1"), 9090))),
            ("[::1]:0", Some(listen(Some("::1"), 0))),
            ("localhost:9090", None),
            ("70000", None),
            ("", None),
        ] {
            assert_eq!(parse_listen(text).ok(), expected, "{text:?}");
        }
    }

    #[test]
    fn the_command_line_is_checked() {
        for (arguments, expected) in [
            (vec!["--listen", "1"], true),
            (vec!["--listen"], false),
            (vec!["--listen", "x"], false),
            (vec!["--routes"], true),
            (vec!["--unknown"], false),
            (vec!["positional"], false),
        ] {
            assert_eq!(parse(arguments.iter().map(OsString::from)).is_ok(), expected, "{arguments:?}");
        }
    }
}
