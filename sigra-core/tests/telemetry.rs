//! What an operation tells of itself.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::fmt;
use std::future::pending;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use sigra_core::error::{FlowError, StoreError, StoreErrorKind};
use sigra_core::observe;
use sigra_core::ports::VaultError;
use sigra_core::telemetry::{ERRORS, OPERATIONS, error_type, operation};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::layer::{Context as LayerContext, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;

/// Notes what spans are called, what they are in and what they record, in order.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn taken(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl<S: tracing::Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Notes {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: LayerContext<'_, S>) {
        let within = context.span(id).unwrap().parent().map(|parent| format!(" in {}", parent.name()));
        let (level, name) = (attributes.metadata().level(), attributes.metadata().name());
        self.0.lock().unwrap().push(format!("{level} {name}{}", within.unwrap_or_default()));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: LayerContext<'_, S>) {
        values.record(&mut Words(&self.0, context.span(id).unwrap().name()));
    }
}

struct Words<'a>(&'a Mutex<Vec<String>>, &'static str);

impl Visit for Words<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.lock().unwrap().push(format!("{} {field}={value:?}", self.1));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.lock().unwrap().push(format!("{} {field}={value}", self.1));
    }
}

fn polled<T>(work: Pin<&mut impl Future<Output = T>>) -> Poll<T> {
    work.poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls a future once, and drops it.
fn noted(work: impl Future) -> Vec<String> {
    let notes = Notes::default();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(notes.clone()), || {
        let _ = polled(pin!(work));
    });
    notes.taken()
}

type Answer<T> = Result<T, FlowError>;

struct Shop;

impl Shop {
    #[operation("shop.redeem")]
    async fn redeem(&self, code: &str) -> Answer<bool> {
        Ok(self.find(code).await? == "WINTER")
    }

    #[operation("shop.sweep", DEBUG)]
    async fn sweep(&self) -> Answer<u64> {
        Ok(0)
    }

    async fn find<'c>(&self, code: &'c str) -> Result<&'c str, StoreError> {
        if code.is_empty() { Err(StoreError::new(StoreErrorKind::Busy, "Shop::find")) } else { Ok(code) }
    }
}

#[async_trait]
trait Till: Send + Sync {
    async fn open(&self, key: &str) -> Answer<bool>;
}

#[async_trait]
impl Till for Shop {
    #[operation("shop.till.open")]
    async fn open(&self, key: &str) -> Answer<bool> {
        self.redeem(key).await
    }
}

#[test]
fn an_operation_is_a_span_that_says_how_it_ended() {
    assert_eq!(noted(Shop.redeem("WINTER")), ["INFO shop.redeem", "shop.redeem outcome=done"]);
    assert_eq!(noted(Shop.redeem("SUMMER")), ["INFO shop.redeem", "shop.redeem outcome=nothing"]);
    assert_eq!(noted(Shop.sweep()), ["DEBUG shop.sweep", "shop.sweep outcome=nothing"]);
    let written_out = noted(async { observe!("shop.count", DEBUG, async { Answer::Ok(3_u64) }) });
    assert_eq!(written_out, ["DEBUG shop.count", "shop.count outcome=done"]);
}

#[test]
fn an_operation_within_another_is_a_child_of_it_and_one_beside_it_is_not() {
    let till: &dyn Till = &Shop;
    let nested = noted(async {
        till.open("WINTER").await?;
        Shop.sweep().await
    });
    assert_eq!(
        nested,
        [
            "INFO shop.till.open",
            "INFO shop.redeem in shop.till.open",
            "shop.redeem outcome=done",
            "shop.till.open outcome=done",
            "DEBUG shop.sweep",
            "shop.sweep outcome=nothing",
        ]
    );
}

#[test]
fn an_operation_that_waits_does_not_lend_its_span_to_others() {
    let notes = Notes::default();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(notes.clone()), || {
        let mut waiting = pin!(async { observe!("shop.wait", pending::<Answer<bool>>()) });
        assert!(polled(waiting.as_mut()).is_pending());
        assert!(polled(pin!(Shop.sweep())).is_ready());
    });
    assert_eq!(notes.taken()[..2], ["INFO shop.wait", "DEBUG shop.sweep"]);
}

#[test]
fn an_operation_whose_caller_goes_away_is_said_to_be_cancelled() {
    let dropped = noted(async { observe!("shop.wait", pending::<Answer<bool>>()) });
    assert_eq!(dropped, ["INFO shop.wait", "shop.wait outcome=cancelled"]);
}

#[test]
fn what_came_to_no_decision_says_why_and_no_more() {
    assert_eq!(
        noted(Shop.redeem("")),
        ["INFO shop.redeem", "shop.redeem outcome=error", "shop.redeem error.type=storage_busy"]
    );
    let after = Duration::from_secs(1);
    let store = |kind| FlowError::Store(StoreError::new(kind, "AccountStore::find"));
    let words = [
        FlowError::Overloaded { retry_after: after },
        FlowError::Unanswered { retry_after: after },
        store(StoreErrorKind::Busy),
        store(StoreErrorKind::Conflict),
        store(StoreErrorKind::Unavailable),
        store(StoreErrorKind::Corrupt),
        store(StoreErrorKind::Unexpected),
        store(StoreErrorKind::Hook),
        FlowError::Vault(VaultError),
    ]
    .map(|error| error_type(&error));
    assert_eq!(words, ERRORS);
}

/// What is read by machines keeps its form.
#[test]
fn names_and_outcomes_are_plain_words() {
    let is_word = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let mut names = BTreeSet::new();
    for operation in OPERATIONS {
        let name = operation.name();
        assert!(name.starts_with("sigra.") && name.split('.').all(is_word), "{name}");
        assert!(names.insert(name), "{name} is listed twice");
        assert!(!operation.outcomes().is_empty() && operation.outcomes().into_iter().all(is_word), "{name}");
    }
    assert!(ERRORS.iter().copied().all(is_word));
}

#[cfg(feature = "metrics")]
#[test]
fn operations_are_counted_and_timed_by_how_they_ended() {
    use metrics_util::debugging::{DebugValue, DebuggingRecorder};

    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    metrics::with_local_recorder(&recorder, || {
        for done in [true, true, false] {
            noted(async { observe!("shop.redeem", async { Answer::Ok(done) }) });
        }
        noted(async { observe!("shop.redeem", pending::<Answer<bool>>()) });
        noted(Shop.redeem(""));
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
    let line = |name, labels, count| format!("{name} operation=shop.redeem outcome={labels} {count}");
    let mut expected = Vec::new();
    for name in ["sigra.operation.duration", "sigra.operations"] {
        let error = "error error.type=storage_busy";
        expected.extend([
            line(name, "cancelled", 1),
            line(name, "done", 2),
            line(name, error, 1),
            line(name, "nothing", 1),
        ]);
    }
    assert_eq!(seen, expected);
}
