//! Logs on stderr, one line an event, and the last words of a panic.

use std::fmt::{self, Write as _};
use std::io::Write as _;

use tracing::{Event, Subscriber};
use tracing_subscriber::filter::{LevelFilter, ParseError, Targets};
use tracing_subscriber::fmt::format::{DefaultFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields as _};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

use crate::exit_code::ExitCode;
use crate::utc;

/// What is logged: a level, and other levels for some targets (`info,jackdaw_net=debug`).
#[derive(Clone, Debug)]
pub(crate) struct LogLevels(Targets);

impl LogLevels {
    pub(crate) fn at(level: LevelFilter) -> Self {
        Self(Targets::new().with_default(level))
    }
}

/// The text does not say what to log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvalidLogLevels {
    #[error("{0:?} is no level: write off, error, warn, info, debug or trace, or TARGET=LEVEL")]
    Level(String),
    #[error("{0}; write TARGET=LEVEL, such as jackdaw_net=debug")]
    Target(#[from] ParseError),
}

impl std::str::FromStr for LogLevels {
    type Err = InvalidLogLevels;

    /// Levels are `off`, `error`, `warn`, `info`, `debug`, `trace`. Targets not named, where the text gives no
    /// level of its own, are logged at `warn`.
    fn from_str(text: &str) -> Result<Self, InvalidLogLevels> {
        let targets: Targets = text.parse()?;
        // A word alone would be a target at its most talkative: more likely it is a level misspelt.
        let mut alone = text.split(',').map(str::trim).filter(|part| !part.contains('='));
        let is_level = |part: &str| part.parse::<LevelFilter>().is_ok();
        match alone.clone().find(|part| !is_level(part)) {
            Some(part) => Err(InvalidLogLevels::Level(part.to_owned())),
            None if alone.next().is_some() => Ok(Self(targets)),
            None => Ok(Self(targets.with_default(LevelFilter::WARN))),
        }
    }
}

/// Sends the events of this process to stderr from now on.
///
/// # Errors
/// Called a second time in one process.
pub(crate) fn start(levels: LogLevels) -> Result<(), TryInitError> {
    let lines = tracing_subscriber::fmt::layer()
        .fmt_fields(DefaultFields::new())
        .event_format(OneLine)
        .with_ansi(false)
        .with_writer(std::io::stderr);
    tracing_subscriber::registry().with(levels.0).with(lines).try_init()
}

/// Makes a panic end the process with one sentence and `ExitCode::BrokenInvariant`: after a broken invariant
/// no thread may go on and answer clients.
pub(crate) fn install_panic_hook() {
    std::panic::set_hook(Box::new(|panic| {
        let reason = panic.payload_as_str().unwrap_or("no reason given");
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let thread = std::thread::current();
        let thread = thread.name().unwrap_or("unnamed");
        let text = format!(
            "a broken invariant stops this process: {reason} (at {place}, thread {thread}); please report it"
        );
        // Not through the subscriber: the panic may come from inside it.
        let _ = writeln!(std::io::stderr(), "{} ERROR jackdaw: {}", utc::now_text(), one_line(&text));
        std::process::exit(i32::from(ExitCode::BrokenInvariant.code()));
    }));
}

/// `time LEVEL target: message field=value`.
struct OneLine;

impl<S> FormatEvent<S, DefaultFields> for OneLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, DefaultFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        let mut text = String::new();
        context.format_fields(Writer::new(&mut text), event)?;
        let (time, level, target) = (utc::now_text(), metadata.level(), metadata.target());
        writeln!(writer, "{time} {level} {target}: {}", one_line(&text))
    }
}

/// Escapes what would break a line or disturb a terminal: logged values may come from a peer.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            let _ = write!(line, "{}", character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt::MakeWriter;

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

    impl<'a> MakeWriter<'a> for Lines {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    fn logged(levels: &str, events: impl FnOnce()) -> Vec<String> {
        let lines = Lines::default();
        let layer = tracing_subscriber::fmt::layer()
            .fmt_fields(DefaultFields::new())
            .event_format(OneLine)
            .with_ansi(false)
            .with_writer(lines.clone());
        let levels: LogLevels = levels.parse().unwrap();
        let subscriber = tracing_subscriber::registry().with(levels.0).with(layer);
        tracing::subscriber::with_default(subscriber, events);
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn an_event_is_one_line_with_its_fields() {
        let lines = logged("info", || {
            tracing::info!(target: "jackdaw_net", port = 9092, name = "a\nb", "listens\nhere");
        });
        assert_eq!(lines.len(), 1, "{lines:?}");
        let (time, rest) = lines[0].split_at("2026-11-24T10:00:00.000Z".len());
        assert!(time.ends_with('Z'), "{time}");
        assert_eq!(rest, r#" INFO jackdaw_net: listens\nhere port=9092 name="a\nb""#);
    }

    #[test]
    fn levels_differ_by_target() {
        let cases = [
            ("info", vec!["net info", "other info"]),
            ("info,jackdaw_net=debug", vec!["net debug", "net info", "other info"]),
            ("jackdaw_net=debug", vec!["net debug", "net info"]),
            ("off", vec![]),
        ];
        for (levels, expected) in cases {
            let lines = logged(levels, || {
                tracing::debug!(target: "jackdaw_net", "net debug");
                tracing::info!(target: "jackdaw_net", "net info");
                tracing::debug!(target: "other", "other debug");
                tracing::info!(target: "other", "other info");
            });
            let messages: Vec<&str> =
                lines.iter().filter_map(|line| Some(line.split_once(": ")?.1)).collect();
            assert_eq!(messages, expected, "{levels}");
        }
    }

    #[test]
    fn unknown_levels_are_refused() {
        for text in ["jackdaw_net=loud", "loud", "info,loud"] {
            assert!(text.parse::<LogLevels>().is_err(), "{text}");
        }
    }
}
