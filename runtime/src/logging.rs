//! Logs: text on a terminal, a JSON object a line otherwise.

use std::fmt;
use std::io::{self, IsTerminal};

use tracing::{Event, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::{FmtContext, MakeWriter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::description::{LogLevel, Logging};

/// Starts logging for the process. Does nothing when the process logs already, as in a program of one's own.
pub(crate) fn start(logging: Logging) {
    let level = match logging.level {
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warning => LevelFilter::WARN,
        LogLevel::Error => LevelFilter::ERROR,
    };
    if logging.stdout {
        install(level, logging.prefix, io::stdout, io::stdout().is_terminal());
    } else {
        install(level, logging.prefix, io::stderr, io::stderr().is_terminal());
    }
}

fn install<W>(level: LevelFilter, prefix: &'static str, writer: W, terminal: bool)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let builder = tracing_subscriber::fmt().with_max_level(level).with_writer(writer);
    // A client of RabbitMQ that writes what goes wrong as it sees it, besides what our own lines say of that.
    let lapin = if level == LevelFilter::DEBUG { level } else { LevelFilter::OFF };
    // The SDK of AWS writes what it could not read of an answer, and that may be a credential.
    let targets = Targets::new().with_default(level).with_target("lapin", lapin).with_target("aws_", LevelFilter::OFF);
    // An error here means that somebody else has set the process up to log, and logs go there.
    let _ = if terminal {
        let colours = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let text = tracing_subscriber::fmt::format().with_target(false);
        builder.with_ansi(colours).event_format(Text { prefix, inner: text }).finish().with(targets).try_init()
    } else {
        let json = tracing_subscriber::fmt::format().json().flatten_event(true).with_current_span(false);
        builder
            .fmt_fields(tracing_subscriber::fmt::format::JsonFields::new())
            .event_format(Json { prefix, inner: json })
            .finish()
            .with(targets)
            .try_init()
    };
}

/// Lines for a person, after the prefix.
struct Text<F> {
    prefix: &'static str,
    inner: F,
}

/// JSON objects with the prefix as their first member.
struct Json<F> {
    prefix: &'static str,
    inner: F,
}

impl<S, N, F> FormatEvent<S, N> for Text<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        if !self.prefix.is_empty() {
            write!(writer, "{} ", self.prefix)?;
        }
        self.inner.format_event(context, writer, event)
    }
}

impl<S, N, F> FormatEvent<S, N> for Json<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        if self.prefix.is_empty() {
            return self.inner.format_event(context, writer, event);
        }
        let mut line = String::new();
        self.inner.format_event(context, Writer::new(&mut line), event)?;
        let rest = line.strip_prefix('{').ok_or(fmt::Error)?;
        write!(writer, "{{\"prefix\":{},{rest}", serde_json::Value::from(self.prefix))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_prefix_is_a_member_of_the_json() {
        let lines = Lines::default();
        let writer = lines.clone();
        let inner = tracing_subscriber::fmt::format().json().flatten_event(true).with_current_span(false);
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .fmt_fields(tracing_subscriber::fmt::format::JsonFields::new())
            .event_format(Json { prefix: "[GW]", inner })
            .finish();
        tracing::subscriber::with_default(subscriber, || tracing::info!(port = 8080, "listening"));
        let bytes = lines.0.lock().unwrap().clone();
        let line: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(line["prefix"], "[GW]");
        assert_eq!(line["message"], "listening");
        assert_eq!(line["port"], 8080);
    }
}
