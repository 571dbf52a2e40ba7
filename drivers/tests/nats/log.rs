//! What a test's thread writes to the log, which with tokio's test runtime is all that its client does.

use std::io;
use std::sync::{Arc, LazyLock, Mutex, Once, PoisonError};

use tracing_subscriber::util::SubscriberInitExt as _;

/// The log from now on, until the value is dropped.
pub(super) struct Log {
    text: Text,
    _guard: Option<tracing::subscriber::DefaultGuard>,
}

#[derive(Clone, Default)]
struct Text(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(super) fn start() -> Self {
        // With one subscriber alone, a line that another test's thread was the first to reach is off for good.
        static SECOND: Once = Once::new();
        SECOND.call_once(|| drop(tracing_subscriber::fmt().with_writer(io::sink).try_init()));
        let text = Text::default();
        let writer = text.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone());
        Self { text, _guard: Some(subscriber.set_default()) }
    }

    /// The log of all threads, which all tests of a program share that ask for it.
    #[allow(dead_code, reason = "for clients that have threads")]
    pub(super) fn everywhere() -> Self {
        static ALL: LazyLock<Text> = LazyLock::new(|| {
            let text = Text::default();
            let writer = text.clone();
            let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
            tracing::subscriber::set_global_default(subscriber).expect("the first");
            text
        });
        Self { text: ALL.clone(), _guard: None }
    }

    /// The lines that have `text` in them.
    pub(super) fn lines(&self, text: &str) -> Vec<String> {
        let all = String::from_utf8_lossy(&self.text.lock()).into_owned();
        all.lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
    }

    /// The one line that has `text` in it, which is an error.
    pub(super) fn error(&self, text: &str) -> String {
        let lines = self.lines(text);
        assert!(matches!(&*lines, [line] if line.contains("ERROR")), "{text}: {lines:?}");
        lines.concat()
    }
}

impl Text {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl io::Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
