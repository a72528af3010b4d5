//! What an operation tells of itself.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fmt;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use sigra_core::error::{FlowError, StoreError, StoreErrorKind};
use sigra_core::observe;
use sigra_core::telemetry::Outcome;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::layer::{Context as LayerContext, Layer, SubscriberExt as _};

/// Notes what spans are called and what they record, in order.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn taken(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl<S: tracing::Subscriber> Layer<S> for Notes {
    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: LayerContext<'_, S>) {
        self.0.lock().unwrap().push(format!("{} {}", attributes.metadata().level(), attributes.metadata().name()));
    }

    fn on_record(&self, _: &Id, values: &Record<'_>, _: LayerContext<'_, S>) {
        values.record(&mut Words(&self.0));
    }
}

struct Words<'a>(&'a Mutex<Vec<String>>);

impl Visit for Words<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.lock().unwrap().push(format!("{field}={value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.lock().unwrap().push(format!("{field}={value}"));
    }
}

/// Polls a future once, and drops it.
fn noted(work: impl Future) -> Vec<String> {
    let notes = Notes::default();
    let subscriber = tracing_subscriber::registry().with(notes.clone());
    tracing::subscriber::with_default(subscriber, || {
        let mut work = Box::pin(work);
        let _ = work.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    });
    notes.taken()
}

#[test]
fn an_operation_is_a_span_that_says_how_it_ended() {
    let answered = noted(async { observe!("shop.redeem", async { Ok::<_, FlowError>(true) }) });
    assert_eq!(answered, ["INFO shop.redeem", "outcome=done"]);
    let quiet = noted(async { observe!("shop.sweep", DEBUG, async { Ok::<_, FlowError>(0_u64) }) });
    assert_eq!(quiet, ["DEBUG shop.sweep", "outcome=nothing"]);
}

#[test]
fn an_operation_whose_caller_goes_away_is_said_to_be_cancelled() {
    let dropped = noted(async { observe!("shop.redeem", pending::<bool>()) });
    assert_eq!(dropped, ["INFO shop.redeem", "outcome=cancelled"]);
}

#[test]
fn what_came_to_no_decision_says_why_and_no_more() {
    let after = Duration::from_secs(1);
    let store = |kind| FlowError::Store(StoreError::new(kind, "AccountStore::find"));
    for (error, word) in [
        (FlowError::Overloaded { retry_after: after }, "overloaded"),
        (FlowError::Unanswered { retry_after: after }, "unanswered"),
        (store(StoreErrorKind::Busy), "overloaded"),
        (store(StoreErrorKind::Unavailable), "error"),
        (store(StoreErrorKind::Corrupt), "error"),
    ] {
        assert_eq!(Err::<(), _>(error).outcome(), word);
    }
}

#[cfg(feature = "metrics")]
#[test]
fn operations_are_counted_and_timed_by_how_they_ended() {
    use metrics_util::debugging::{DebugValue, DebuggingRecorder};

    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    metrics::with_local_recorder(&recorder, || {
        for done in [true, true, false] {
            noted(async { observe!("shop.redeem", async { done }) });
        }
        noted(async { observe!("shop.redeem", pending::<bool>()) });
    });
    let mut seen: Vec<_> = snapshotter
        .snapshot()
        .into_vec()
        .into_iter()
        .map(|(key, _, _, value)| {
            let key = key.key();
            let labels: Vec<_> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
            let value = match value {
                DebugValue::Counter(count) => count.to_string(),
                DebugValue::Histogram(times) => {
                    assert!(times.iter().all(|time| (0.0..60.0).contains(&time.into_inner())), "{times:?}");
                    times.len().to_string()
                }
                DebugValue::Gauge(_) => panic!("nothing is a gauge"),
            };
            format!("{} {} {value}", key.name(), labels.join(" "))
        })
        .collect();
    seen.sort_unstable();
    let line = |name, outcome, count| format!("{name} operation=shop.redeem outcome={outcome} {count}");
    let mut expected = Vec::new();
    for name in ["sigra.operation.duration", "sigra.operations"] {
        expected.extend([line(name, "cancelled", 1), line(name, "done", 2), line(name, "nothing", 1)]);
    }
    assert_eq!(seen, expected);
}
