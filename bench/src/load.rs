//! Sending requests over some connections at once.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::client::Connection;
use crate::error::BenchError;

/// What came of a run.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Answers by status.
    pub(crate) answers: BTreeMap<u16, usize>,
    /// How long each answer took, in microseconds.
    pub(crate) latencies: Vec<u32>,
    /// From the first request to the last answer.
    pub(crate) took: Duration,
}

impl Tally {
    pub(crate) fn count(&self) -> usize {
        self.latencies.len()
    }

    /// Answers a second.
    pub(crate) fn rate(&self) -> f64 {
        self.count() as f64 / self.took.as_secs_f64()
    }

    /// Everything must have been answered with one of these.
    pub(crate) fn only(self, what: &str, allowed: &[u16]) -> Result<Self, BenchError> {
        if self.count() == 0 || self.answers.keys().any(|status| !allowed.contains(status)) {
            return Err(BenchError::Failed(format!("{what}: the answers by status were {:?}", self.answers)));
        }
        Ok(self)
    }
}

/// Sends each request once, over `connections` at a time.
pub(crate) fn each(address: SocketAddr, connections: usize, requests: &[Vec<u8>]) -> Result<Tally, BenchError> {
    let taken = AtomicUsize::new(0);
    run(address, connections, |_, _| requests.get(taken.fetch_add(1, Ordering::Relaxed)))
}

/// Sends requests over and over for a time; every connection has its own part of them.
pub(crate) fn for_a_while(
    address: SocketAddr,
    connections: usize,
    requests: &[Vec<u8>],
    time: Duration,
) -> Result<Tally, BenchError> {
    let until = Instant::now() + time;
    run(address, connections, |connection, number| {
        let next = &requests[(connection + number * connections) % requests.len()];
        (Instant::now() < until).then_some(next)
    })
}

/// Every connection is a thread that sends the next request as soon as the last was answered. `next` gets the numbers
/// of the connection and of its request, and ends the connection with `None`.
pub(crate) fn run<'r>(
    address: SocketAddr,
    connections: usize,
    next: impl Fn(usize, usize) -> Option<&'r Vec<u8>> + Sync,
) -> Result<Tally, BenchError> {
    let opened: Vec<_> = (0..connections).map(|_| Connection::open(address)).collect::<Result<_, _>>()?;
    let start = Barrier::new(connections + 1);
    thread::scope(|scope| {
        let threads: Vec<_> = opened
            .into_iter()
            .enumerate()
            .map(|(number, connection)| {
                let (start, next) = (&start, &next);
                scope.spawn(move || {
                    start.wait();
                    drive(connection, |request| next(number, request))
                })
            })
            .collect();
        start.wait();
        let started = Instant::now();
        let mut tally = Tally::default();
        for thread in threads {
            let part = thread.join().expect("the load generator does not panic")?;
            part.answers.into_iter().for_each(|(status, count)| *tally.answers.entry(status).or_default() += count);
            tally.latencies.extend(part.latencies);
        }
        tally.took = started.elapsed();
        Ok(tally)
    })
}

fn drive<'r>(mut connection: Connection, next: impl Fn(usize) -> Option<&'r Vec<u8>>) -> Result<Tally, BenchError> {
    let mut tally = Tally::default();
    while let Some(request) = next(tally.count()) {
        let sent = Instant::now();
        let answer = connection.send(request)?;
        tally.latencies.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
        *tally.answers.entry(answer.status).or_default() += 1;
    }
    Ok(tally)
}
