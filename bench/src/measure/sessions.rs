//! Session checks against a handler that looks at nothing.

use super::Subject;
use crate::client::{Connection, get};
use crate::error::BenchError;
use crate::load;
use crate::plan::{CONNECTIONS, Plan};
use crate::report::{Figure, Line, Target};
use crate::stats::{Spread, percentile};

/// Two lines: the ratio, and what the session checks wrote.
pub(crate) async fn sessions(subject: &Subject, plan: &Plan) -> Result<[Line; 2], BenchError> {
    let checks = subject.session_checks();
    let bare = [get(subject.host.bare, "/bare", None)];
    alike(subject, &checks[0], &bare[0])?;
    let (mut bare_rates, mut check_rates, mut latencies) = (Vec::new(), Vec::new(), Vec::new());
    let mut writes = 0;
    for _ in 0..plan.rounds {
        let tally = load::for_a_while(subject.host.bare, CONNECTIONS, &bare, plan.window)?;
        bare_rates.push(tally.only("the bare handler", &[200])?.rate());
        subject.seeded.use_now(&subject.database).await?;
        let mark = subject.database.mark().await?;
        let tally = load::for_a_while(subject.host.app, CONNECTIONS, &checks, plan.window)?;
        writes += subject.database.writes_since(&mark).await?;
        let tally = tally.only("session checks", &[200])?;
        check_rates.push(tally.rate());
        latencies.extend(tally.latencies);
    }
    let ratio = Spread::of(check_rates.iter().zip(&bare_rates).map(|(check, bare)| check / bare));
    let checked = latencies.len() as f64;
    let line = Line::new("session checks / bare handler", ratio, Target::AtLeast(0.20)).with([
        Figure::spread("bare answers/s", bare_rates),
        Figure::spread("session checks/s", check_rates),
        Figure::one("p50 ms", f64::from(percentile(&mut latencies, 50.0)) / 1_000.0),
        Figure::one("p99 ms", f64::from(percentile(&mut latencies, 99.0)) / 1_000.0),
    ]);
    let written = Line::new("writes during session checks", Spread::of([writes as f64]), Target::Zero)
        .with([Figure::one("session checks", checked)]);
    Ok([line, written])
}

/// Both must succeed with bodies of one length, or they could not be compared.
fn alike(subject: &Subject, check: &[u8], bare: &[u8]) -> Result<(), BenchError> {
    let check = Connection::open(subject.host.app)?.send(check)?;
    let bare = Connection::open(subject.host.bare)?.send(bare)?;
    if check.status != 200 || check != bare {
        return Err(BenchError::Failed(format!("a session check answers {check:?}, the bare handler {bare:?}")));
    }
    Ok(())
}
