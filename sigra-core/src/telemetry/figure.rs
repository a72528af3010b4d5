//! What is counted and timed.

use std::time::Instant;

use metrics::{Label, Unit};

use super::{OPERATION_COUNT, OPERATION_DURATION};

/// An operation that will be counted.
#[derive(Debug)]
pub(super) struct Figure {
    operation: &'static str,
    began: Instant,
}

impl Figure {
    pub(super) fn begin(operation: &'static str) -> Self {
        // How long something took is nothing the flows decide by, so it is not the clock's.
        Self { operation, began: Instant::now() }
    }

    pub(super) fn end(&self, outcome: &'static str, error: Option<&'static str>) {
        let mut labels = Vec::with_capacity(3);
        labels.push(Label::from_static_parts("operation", self.operation));
        labels.push(Label::from_static_parts("outcome", outcome));
        labels.extend(error.map(|error| Label::from_static_parts("error.type", error)));
        metrics::counter!(OPERATION_COUNT, labels.iter()).increment(1);
        metrics::histogram!(OPERATION_DURATION, labels).record(self.began.elapsed());
    }
}

/// Tells the recorder what the figures are and in which units they come. To be called once, after installing it.
pub fn describe() {
    metrics::describe_counter!(OPERATION_COUNT, Unit::Count, "operations that ended");
    metrics::describe_histogram!(OPERATION_DURATION, Unit::Seconds, "how long operations took");
}
