//! Session checks while sign-ins saturate the hash pool.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::{Subject, login_requests};
use crate::error::BenchError;
use crate::load::{self, Tally};
use crate::plan::{CONNECTIONS, FLOOD, Plan};
use crate::report::{Figure, Line, Target};
use crate::stats::{Spread, percentile};

/// The 99th percentile of session checks in a flood against that without one. No session check may fail; sign-ins
/// may be answered 503.
pub(crate) async fn flood(subject: &Subject, plan: &Plan) -> Result<Line, BenchError> {
    let checks = subject.session_checks();
    let logins = login_requests(&subject.host, subject.seeded.all_logins());
    let taken = AtomicUsize::new(subject.seeded.taken());
    let (mut quiet, mut flooded) = (Windows::default(), Windows::default());
    let (mut accepted, mut turned_away, mut rates) = (0, 0, Vec::new());
    for _ in 0..plan.floods {
        subject.seeded.use_now(&subject.database).await?;
        let window = || load::for_a_while(subject.host.app, CONNECTIONS, &checks, 2 * plan.window);
        quiet.add(window()?.only("session checks", &[200])?);

        let over = AtomicBool::new(false);
        let (checked, flood) = thread::scope(|scope| {
            let flood = scope.spawn(|| {
                load::run(subject.host.app, FLOOD, |_, _| {
                    let next = taken.fetch_add(1, Ordering::Relaxed) % logins.len();
                    (!over.load(Ordering::Relaxed)).then(|| &logins[next])
                })
            });
            // The flood has risen when it is measured in.
            thread::sleep(plan.window.min(Duration::from_secs(1)));
            let checked = window();
            over.store(true, Ordering::Relaxed);
            (checked, flood.join().expect("the load generator does not panic"))
        });
        flooded.add(checked?.only("session checks in a flood", &[200])?);
        let flood = flood?;
        rates.push(flood.rate());
        accepted += flood.answers.get(&200).copied().unwrap_or(0);
        turned_away += flood.answers.get(&503).copied().unwrap_or(0);
        flood.only("sign-ins of a flood", &[200, 503])?;
    }
    let ratio = Spread::of(flooded.p99.iter().zip(&quiet.p99).map(|(flooded, quiet)| flooded / quiet));
    Ok(Line::new("p99 of session checks: in a flood of sign-ins / without", ratio, Target::AtMost(15.0)).with([
        Figure::spread("p99 ms without", quiet.p99),
        Figure::spread("p99 ms in the flood", flooded.p99),
        Figure::spread("session checks/s without", quiet.rates),
        Figure::spread("in the flood", flooded.rates),
        Figure::spread("answers to sign-ins/s", rates),
        Figure::one("sign-ins answered 200", accepted as f64),
        Figure::one("503", turned_away as f64),
    ]))
}

#[derive(Default)]
struct Windows {
    /// In milliseconds.
    p99: Vec<f64>,
    rates: Vec<f64>,
}

impl Windows {
    fn add(&mut self, mut tally: Tally) {
        self.rates.push(tally.rate());
        self.p99.push(f64::from(percentile(&mut tally.latencies, 99.0)) / 1_000.0);
    }
}
