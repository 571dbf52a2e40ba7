//! What a person sees: failures, colours, exit codes.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

/// The config has errors.
pub(crate) const CONFIG_HAS_ERRORS: u8 = 1;
/// The command line is wrong, or a file cannot be read or written.
pub(crate) const CANNOT: u8 = 2;

/// Why a command could not do its work; ends it with [`CANNOT`].
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    help: Option<String>,
}

// === impl Failure ===

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None }
    }

    pub(crate) fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// Writes it to stderr in the shape of a diagnostic.
    pub(crate) fn report(&self) -> ExitCode {
        let (red, bold, plain) = if colors_on_stderr() { ("\x1b[1;91m", "\x1b[1m", "\x1b[0m") } else { ("", "", "") };
        let mut text = format!("{red}error{plain}{bold}: {}{plain}\n", self.message);
        if let Some(help) = &self.help {
            text.push_str(&format!("  = help: {help}\n"));
        }
        to_stderr(&text);
        ExitCode::from(CANNOT)
    }
}

/// Whether diagnostics are coloured: on a terminal, unless NO_COLOR is set to something (<https://no-color.org>).
pub(crate) fn colors_on_stderr() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Writes to stderr. Nobody is left to tell when that is closed.
pub(crate) fn to_stderr(text: &str) {
    drop(io::stderr().write_all(text.as_bytes()));
}

/// Writes to stdout. A reader that has seen enough (`| head`) is no failure.
pub(crate) fn to_stdout(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("cannot write to stdout: {error}")))
        }
        _ => Ok(()),
    }
}

/// `1 error`, `2 errors`.
pub(crate) fn count(number: usize, singular: impl Display) -> String {
    if number == 1 { format!("1 {singular}") } else { format!("{number} {singular}s") }
}
