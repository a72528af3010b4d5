//! A burst of mail, while people go on signing in.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{Subject, login_requests};
use crate::client::post;
use crate::error::BenchError;
use crate::load;
use crate::plan::{CONNECTIONS, Plan};
use crate::report::{Figure, Line, Target};
use crate::stats::{Spread, percentile};

/// Sign-ins on a host that owes many mails, until all are handed over, against those without. The mails are sign-in links that
/// as many other people ask for at once; the example's mailer writes files.
pub(crate) fn burst(subject: &mut Subject, plan: &Plan) -> Result<Line, BenchError> {
    subject.sign_in(plan.logins / 4)?;
    let (mut quiet_rates, mut burst_rates, mut drained, mut quiet_all, mut burst_all) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 0..plan.floods {
        let quiet = subject.sign_in(plan.logins)?;
        let asked: Vec<_> = subject
            .seeded
            .addresses_from_the_end(round * plan.mails, plan.mails)
            .map(|address| post(subject.host.app, "/auth/api/v1/magic-link", &format!(r#"{{"email":"{address}"}}"#)))
            .collect();
        let logins = login_requests(&subject.host, subject.seeded.take_logins(plan.logins_in_a_burst())?);
        let (taken, over) = (AtomicUsize::new(0), AtomicBool::new(false));
        let (during, took) = thread::scope(|scope| {
            let sending = scope.spawn(|| {
                let took = send(subject, &asked);
                over.store(true, Ordering::Relaxed);
                took
            });
            let next = || logins.get(taken.fetch_add(1, Ordering::Relaxed));
            let during =
                load::run(subject.host.app, CONNECTIONS, |_, _| (!over.load(Ordering::Relaxed)).then(next).flatten());
            (during, sending.join().expect("sending does not panic"))
        });
        let during = during?.only("sign-ins during a burst of mail", &[200])?;
        drained.push(plan.mails as f64 / took?.as_secs_f64());
        quiet_rates.push(quiet.rate());
        burst_rates.push(during.rate());
        quiet_all.extend(quiet.latencies);
        burst_all.extend(during.latencies);
    }
    let ms = |latencies: &mut Vec<u32>| f64::from(percentile(latencies, 99.0)) / 1_000.0;
    let ratio = Spread::of(burst_rates.iter().zip(&quiet_rates).map(|(burst, quiet)| burst / quiet));
    Ok(Line::new(format!("sign-ins: during a burst of {} mails / without", plan.mails), ratio, Target::AtLeast(0.75))
        .with([
            Figure::spread("sign-ins/s without", quiet_rates),
            Figure::spread("during", burst_rates),
            Figure::spread("mails/s", drained),
            Figure::one("p99 ms without", ms(&mut quiet_all)),
            Figure::one("p99 ms during", ms(&mut burst_all)),
        ]))
}

/// Asks for the mails and waits until they are all written.
fn send(subject: &Subject, asked: &[Vec<u8>]) -> Result<Duration, BenchError> {
    let (before, start) = (written(subject)?, Instant::now());
    load::each(subject.host.app, CONNECTIONS, asked)?.only("asking for sign-in links", &[202])?;
    loop {
        if written(subject)? >= before + asked.len() {
            return Ok(start.elapsed());
        }
        if start.elapsed() > PATIENCE {
            return Err(BenchError::failed("a burst of mail was not written"));
        }
        thread::sleep(Duration::from_millis(20));
    }
}

const PATIENCE: Duration = Duration::from_secs(120);

/// The mails the host has written.
fn written(subject: &Subject) -> Result<usize, BenchError> {
    match fs::read_dir(subject.host.folder.join("mail")) {
        Ok(files) => Ok(files.filter(|file| file.as_ref().is_ok_and(is_mail)).count()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error.into()),
    }
}

fn is_mail(file: &fs::DirEntry) -> bool {
    file.path().extension().is_some_and(|extension| extension == "eml")
}
