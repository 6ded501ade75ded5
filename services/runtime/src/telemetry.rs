//! Logs: lines of JSON or text on standard error, chosen once by whoever owns the process.
//!
//! Fields are opted in one by one, so that nothing personal is logged by default; a panic is logged by its place and
//! never by its message, which could hold a value. What libraries say at trace is never logged: it may be the bytes
//! that they carry.

use std::{error::Error as StdError, fmt, io, panic};

use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::{
    Layer as _,
    filter::{FilterExt as _, filter_fn},
    fmt::MakeWriter,
    layer::SubscriberExt as _,
    registry,
};

use crate::config::{Format, Telemetry};

/// The subscriber of this process exists already.
#[derive(Debug, thiserror::Error)]
#[error("logging is already set up")]
pub struct AlreadySet(#[from] tracing::subscriber::SetGlobalDefaultError);

/// Sets up logging to standard error for the whole process, panics included. For `main` only.
///
/// # Errors
/// [`AlreadySet`].
pub fn init(config: &Telemetry) -> Result<(), AlreadySet> {
    tracing::subscriber::set_global_default(subscriber(config, io::stderr))?;
    log_panics();
    Ok(())
}

fn log_panics() {
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "The program panicked.");
    }));
}

/// Log lines into a writer.
pub fn subscriber<W>(config: &Telemetry, writer: W) -> impl Subscriber + Send + Sync + use<W>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let lines = match config.format {
        Format::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
        Format::Text => lines.with_ansi(false).boxed(),
    };
    let is_spoken = |told: &Metadata<'_>| *told.level() < Level::TRACE || told.target().starts_with("nhipcau");
    registry().with(lines.with_filter(config.filter.clone().and(filter_fn(is_spoken))))
}

/// An error with all its causes, for a log line.
pub fn chain(error: &dyn StdError) -> impl fmt::Display {
    fmt::from_fn(move |f| {
        write!(f, "{error}")?;
        let mut cause = error.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Lines that were logged.
    #[derive(Clone, Default)]
    pub(crate) struct Lines(pub(crate) Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: Format, work: impl FnOnce()) -> String {
        logged_under("info,quiet=off", format, work)
    }

    fn logged_under(filter: &str, format: Format, work: impl FnOnce()) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let config = Telemetry { filter: filter.parse().unwrap(), format };
        tracing::subscriber::with_default(subscriber(&config, move || writer.clone()), work);
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_line_of_json_has_the_fields_of_its_span() {
        let line = logged(Format::Json, || {
            let _span = tracing::info_span!("call", trace_id = "4bf9").entered();
            tracing::info!(branch = 7, "The branch was accepted.");
            tracing::debug!("Not at this level.");
            tracing::error!(target: "quiet", "Not this target.");
        });
        assert_eq!(line.lines().count(), 1, "{line}");
        for part in ["\"trace_id\":\"4bf9\"", "\"branch\":7", "\"message\":\"The branch was accepted.\""] {
            assert!(line.contains(part), "{part} is missing in {line}");
        }
    }

    #[test]
    fn text_is_for_people_and_has_no_colours() {
        let line = logged(Format::Text, || tracing::info!(peer = "vwu", "The peer was heard."));
        assert!(line.contains("The peer was heard. peer=\"vwu\""), "{line}");
        assert!(!line.contains('\u{1b}'));
    }

    #[test]
    fn what_libraries_say_at_trace_is_not_logged_whatever_is_asked() {
        let line = logged_under("trace,async_nats=trace", Format::Text, || {
            tracing::trace!(target: "async_nats", payload = ?b"a name", "received");
            tracing::trace!("Said by this program.");
        });
        assert!(line.contains("Said by this program.") && !line.contains("payload"), "{line}");
    }

    #[test]
    fn a_panic_is_logged_by_its_place_and_without_what_it_says() {
        let before = panic::take_hook();
        let line = logged(Format::Text, || {
            log_panics();
            let name = "Nguyễn Thị Canary";
            assert!(panic::catch_unwind(|| panic!("no such person: {name}")).is_err());
        });
        panic::set_hook(before);
        assert!(line.contains("The program panicked.") && line.contains("telemetry.rs"), "{line}");
        assert!(!line.contains("Canary"), "{line}");
    }

    #[test]
    fn a_chain_names_every_cause_once() {
        let cause = io::Error::other("no space left");
        let error = crate::private_file::Error::Write(cause);
        assert_eq!(chain(&error).to_string(), "cannot be written: no space left");
    }
}
