//! Erasing many accounts at once, while people go on signing in.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::{Subject, login_requests};
use crate::error::BenchError;
use crate::load;
use crate::plan::{CONNECTIONS, Plan};
use crate::process::{Swept, sweep};
use crate::report::{Figure, Line, Target};
use crate::stats::{Spread, percentile};

/// Two lines: what a sweep over many due deletions adds to the memory of the process that makes it, and sign-ins on the host
/// meanwhile against those without. The accounts that sign in are not among those that go.
pub(crate) async fn deletions(subject: &mut Subject, plan: &Plan, secret: &str) -> Result<[Line; 2], BenchError> {
    let staying = subject.seeded.size.accounts - plan.doomed;
    let mut bodies = subject.seeded.all_logins();
    bodies.truncate(staying);
    let logins = login_requests(&subject.host, bodies);
    let taken = AtomicUsize::new(0);
    let next = || &logins[taken.fetch_add(1, Ordering::Relaxed) % logins.len()];
    let signed_in = |count: usize| {
        let left = AtomicUsize::new(count);
        let more = || left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
        load::run(subject.host.app, CONNECTIONS, |_, _| more().then(next))?.only("sign-ins", &[200])
    };
    signed_in(plan.logins / 4)?;
    let mut quiet = signed_in(plan.logins)?;

    subject.seeded.doom(&subject.database, plan.doomed).await?;
    let over = AtomicBool::new(false);
    let (during, swept) = thread::scope(|scope| {
        let sweeper = scope.spawn(|| {
            let swept = sweep(&subject.database.url, secret);
            over.store(true, Ordering::Relaxed);
            swept
        });
        let during = load::run(subject.host.app, CONNECTIONS, |_, _| (!over.load(Ordering::Relaxed)).then(next));
        (during, sweeper.join().expect("waiting for a process does not panic"))
    });
    let mut during = during?.only("sign-ins during a sweep", &[200])?;
    let Swept { erased, secs, before_kib, peak_kib } = swept?;
    // The host sweeps too, once a minute, and may be at its last ones still.
    let by_host = (plan.doomed as u64).saturating_sub(erased);
    let mut left = subject.database.number("SELECT count(*) FROM sigra_users").await?;
    for _ in 0..if by_host == 0 { 0 } else { 50 } {
        if left == staying as i64 {
            break;
        }
        thread::sleep(Duration::from_millis(100));
        left = subject.database.number("SELECT count(*) FROM sigra_users").await?;
    }
    if erased == 0 || left != staying as i64 {
        return Err(BenchError::Failed(format!("{erased} accounts were erased, and {left} are left")));
    }
    let ms = |latencies: &mut Vec<u32>| f64::from(percentile(latencies, 99.0)) / 1_000.0;
    let added = peak_kib.saturating_sub(before_kib) as f64 / 1_024.0;
    Ok([
        Line::new(format!("memory a sweep over {erased} accounts adds, MiB"), Spread::of([added]), Target::Under(16.0))
            .with([
                Figure::one("peak MiB", peak_kib as f64 / 1_024.0),
                Figure::one("erased/s", erased as f64 / secs),
                Figure::one("erased by the host meanwhile", by_host as f64),
            ]),
        Line::new(
            "sign-ins: during a sweep / without",
            Spread::of([during.rate() / quiet.rate()]),
            Target::AtLeast(0.5),
        )
        .with([
            Figure::one("sign-ins/s without", quiet.rate()),
            Figure::one("during", during.rate()),
            Figure::one("p99 ms without", ms(&mut quiet.latencies)),
            Figure::one("p99 ms during", ms(&mut during.latencies)),
        ]),
    ])
}
