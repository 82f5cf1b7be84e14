//! Messages to people, on stderr: without secrets, coloured on a terminal that wants colours, and quiet when asked.

mod redact;
mod settings;

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;

use anstyle::{AnsiColor, Style};
use stitchwork::Error;
use stitchwork::core::is_sensitive;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use url::form_urlencoded;

use self::redact::Secrets;

/// The targets of our own crates begin so.
const OURS: &str = "stitchwork";

/// Where messages go.
#[derive(Debug)]
pub(crate) struct Console {
    quiet: bool,
    verbose: u8,
    secrets: Arc<Secrets>,
}

impl Console {
    pub(crate) fn new(quiet: bool, verbose: u8) -> Self {
        Self { quiet, verbose, secrets: Arc::default() }
    }

    /// Never shows this text again.
    pub(crate) fn hide(&self, secret: &str) {
        self.secrets.add(secret);
    }

    /// Shows this text in no message: it may be a secret, and is one only where nobody asked for it.
    pub(crate) fn hide_in_messages(&self, text: &str) {
        self.secrets.add_likely(text);
    }

    /// Never shows what a URL has in its query under names that promise secrets.
    pub(crate) fn hide_parameters(&self, url: &str) {
        let (_, query) = url.split_once('?').unwrap_or_default();
        for pair in query.split(['&', '#']) {
            let Some((_, written)) = pair.split_once('=').filter(|(name, _)| is_sensitive(name)) else {
                continue;
            };
            self.secrets.add(written);
            for (_, meant) in form_urlencoded::parse(pair.as_bytes()) {
                self.secrets.add(&meant);
            }
        }
    }

    /// Never shows the secrets again that a statement says: an error may repeat a part of it.
    pub(crate) fn hide_of(&self, sql: &str) {
        self.secrets.add_of(sql);
    }

    /// A text without its secrets, for stdout and for files.
    pub(crate) fn redact(&self, text: &str) -> String {
        self.secrets.redact(text)
    }

    /// Tells something that may be left out.
    pub(crate) fn say(&self, text: &str) {
        if !self.quiet {
            self.write(text);
        }
    }

    /// Tells what is only of interest beside a terminal.
    pub(crate) fn remark(&self, text: &str) {
        if self.is_terminal() {
            self.say(text);
        }
    }

    /// Tells what went wrong: one line, and what led to it with `-v`.
    pub(crate) fn error(&self, error: &Error) {
        self.fail(&if self.verbose > 0 { format!("{error:?}") } else { error.to_string() });
    }

    /// Tells what went wrong.
    pub(crate) fn fail(&self, text: &str) {
        let red = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
        self.write(&format!("{red}error:{red:#} {text}"));
    }

    /// Whether somebody looks at the messages.
    pub(crate) fn is_terminal(&self) -> bool {
        io::stderr().is_terminal()
    }

    /// Whether somebody wants to know what is done.
    pub(crate) fn is_verbose(&self) -> bool {
        !self.quiet && self.verbose > 0
    }

    /// Whether a bar may move where messages go.
    pub(crate) fn shows_progress(&self) -> bool {
        // Lines of a log would tear the bar apart.
        !self.quiet && self.verbose == 0 && self.is_terminal()
    }

    /// Whether stdout wants colours.
    pub(crate) fn colours_stdout() -> bool {
        anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
    }

    fn write(&self, text: &str) {
        // A stderr that is gone is nobody's to tell.
        let _ = writeln!(anstream::stderr(), "{}", self.secrets.redact_message(text));
    }

    /// Writes what our crates log to stderr, as much as was asked for.
    pub(crate) fn start_logging(&self) {
        let (ours, others) = match (self.quiet, self.verbose) {
            (true, _) => (LevelFilter::ERROR, LevelFilter::OFF),
            (false, 0) => (LevelFilter::WARN, LevelFilter::OFF),
            (false, 1) => (LevelFilter::INFO, LevelFilter::WARN),
            (false, 2) => (LevelFilter::DEBUG, LevelFilter::WARN),
            (false, _) => (LevelFilter::TRACE, LevelFilter::INFO),
        };
        let secrets = self.secrets.clone();
        let lines = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(move || Lines { secrets: secrets.clone(), held: vec![] });
        let wanted = Targets::new().with_target(OURS, ours).with_default(others);
        // A process that logs already, as tests do, goes on as it was.
        let _ = tracing_subscriber::registry().with(wanted).with(lines).try_init();
    }
}

/// One line of the log, written whole so that no secret is cut in two.
struct Lines {
    secrets: Arc<Secrets>,
    held: Vec<u8>,
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let text = self.secrets.redact_message(&String::from_utf8_lossy(&self.held));
        self.held.clear();
        io::stderr().write_all(text.as_bytes())
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let _ = self.flush();
    }
}
