//! Drives the generated gateway and the reference side by side, and holds the one against the other.
//!
//! One core for the server that is measured, another for wrk and the HTTP backend; rounds alternate
//! between the two servers, and medians are compared. The README of this package says how to run it
//! and how to read what it prints.
//!
//! Exit codes: 0, done; 1, a run failed or `--max-ratio` was exceeded; 2, wrong arguments.

mod arguments;
mod brokers;
mod build;
mod machine;
mod nats;
mod probe;
mod report;
mod rounds;
mod route;
mod server;
mod wrk;

use std::process::ExitCode;

use arguments::{Arguments, Command};
use tokio::signal::unix::{SignalKind, signal};

/// What ends a run: one or more lines for a person.
type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = match arguments::parse(lexopt::Parser::from_env()) {
        Ok(Command::Compare(arguments)) => arguments,
        Ok(Command::Help) => {
            print!("{}", arguments::HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("error: {error}\n\n{}", arguments::HELP);
            return ExitCode::from(2);
        }
    };
    // Whatever was started stops with its handle, so both ways out of here stop everything.
    let outcome = tokio::select! {
        outcome = compare(&arguments) => outcome,
        () = interrupted() => Err("interrupted".into()),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn compare(arguments: &Arguments) -> Result<ExitCode, Failure> {
    println!("machine: {}", machine::describe()?);
    let programs = build::programs(arguments).await?;
    let results = rounds::run(arguments, &programs).await?;
    print!("{}", report::table(&results));
    let Some(max_ratio) = arguments.max_ratio else { return Ok(ExitCode::SUCCESS) };
    let over = report::over(&results, max_ratio);
    for line in &over {
        eprintln!("error: {line}");
    }
    Ok(if over.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn interrupted() {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
