use std::cell::RefCell;
use std::io;
use std::sync::Once;

use serde_json::Value;
use tracing::level_filters::LevelFilter;

thread_local! {
    /// What was logged on this thread, while somebody wants to know.
    static LINES: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// What is logged on this thread while it lives: a test and the gateways on its runtime.
pub(crate) struct Logs(());

/// Makes the process log, once. A subscriber for each test would not do: `tracing` keeps for the whole process whether
/// anybody is interested in an event, as it was seen by the first thread that came across it.
pub(super) fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let json = tracing_subscriber::fmt().json().flatten_event(true).with_max_level(LevelFilter::INFO);
        json.with_writer(|| Lines).init();
    });
}

impl Logs {
    pub(crate) fn start() -> Self {
        install();
        LINES.set(Some(Vec::new()));
        Self(())
    }

    /// The events so far that have this message.
    pub(crate) fn with_message(&self, message: &str) -> Vec<Value> {
        let lines = LINES.with_borrow(|lines| lines.clone().unwrap_or_default());
        let lines = String::from_utf8(lines).expect("text");
        let events = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        events.filter(|event| event["message"] == message).collect()
    }
}

impl Drop for Logs {
    fn drop(&mut self) {
        LINES.set(None);
    }
}

struct Lines;

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.with_borrow_mut(|lines| {
            if let Some(lines) = lines {
                lines.extend_from_slice(bytes);
            }
        });
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
