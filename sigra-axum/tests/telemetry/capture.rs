//! A subscriber that keeps everything it is told.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::{self, Write as _};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;

/// What was told so far.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// The outcomes of each span that has one.
    pub(crate) spans: BTreeMap<&'static str, BTreeSet<String>>,
    /// Names of events.
    pub(crate) events: BTreeSet<&'static str>,
    /// Every value of every field, errors with their causes.
    pub(crate) values: String,
    /// What `tracing-subscriber` would have written to a terminal.
    pub(crate) log: Vec<u8>,
}

/// Keeps what is told, by whichever thread.
#[derive(Clone, Debug, Default)]
pub(crate) struct Capture(Arc<Mutex<Told>>);

impl Capture {
    /// Listens to all threads, from now on.
    pub(crate) fn install() -> Self {
        let capture = Self::default();
        let writer = capture.clone();
        let lines = tracing_subscriber::fmt::layer()
            .with_span_events(FmtSpan::FULL)
            .with_ansi(false)
            .without_time()
            .with_writer(move || writer.clone());
        let subscriber = tracing_subscriber::registry().with(capture.clone()).with(lines);
        tracing::subscriber::set_global_default(subscriber).unwrap();
        capture
    }

    pub(crate) fn told(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap()
    }
}

fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("sigra_")
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Capture {
    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        let mut told = self.told();
        if is_ours(attributes.metadata()) {
            told.spans.entry(attributes.metadata().name()).or_default();
        }
        attributes.record(&mut Values { told: &mut told, span: None });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let span = context.metadata(id).filter(|metadata| is_ours(metadata)).map(Metadata::name);
        values.record(&mut Values { told: &mut self.told(), span });
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut told = self.told();
        if is_ours(event.metadata()) {
            told.events.insert(event.metadata().name());
        }
        event.record(&mut Values { told: &mut told, span: None });
    }
}

struct Values<'t> {
    told: &'t mut Told,
    span: Option<&'static str>,
}

impl Visit for Values<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if let Some(span) = self.span.filter(|_| field.name() == "outcome") {
            self.told.spans.entry(span).or_default().insert(value.to_owned());
        }
        writeln!(self.told.values, "{field}={value}").unwrap();
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let mut cause = Some(value);
        while let Some(error) = cause {
            writeln!(self.told.values, "{field}={error} {error:?}").unwrap();
            cause = error.source();
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        writeln!(self.told.values, "{field}={value:?}").unwrap();
    }
}

impl io::Write for Capture {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.told().log.extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
