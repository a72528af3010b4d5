//! Sign-ins over HTTP against the raw rate of the same hasher, and the memory they take.

use super::Subject;
use crate::error::BenchError;
use crate::plan::{CONNECTIONS, Plan};
use crate::process::Cpu;
use crate::raw::RawHasher;
use crate::report::{Figure, Line, Target};
use crate::stats::{Spread, percentile};

/// Raw, HTTP, raw, HTTP…: what the machine does meanwhile hits both.
pub(crate) async fn logins(subject: &mut Subject, raw: &RawHasher, plan: &Plan) -> Result<Line, BenchError> {
    raw.rate(plan.logins / 4, CONNECTIONS).await?;
    subject.sign_in(plan.logins / 4)?;
    let (mut raw_rates, mut http_rates, mut latencies) = (Vec::new(), Vec::new(), Vec::new());
    let (mut raw_cpu, mut host_cpu, mut generator_cpu) = (Cpu::default(), Cpu::default(), Cpu::default());
    let mark = subject.database.mark().await?;
    for _ in 0..plan.rounds {
        let start = Cpu::own()?;
        raw_rates.push(raw.rate(plan.logins, CONNECTIONS).await?);
        let (own, host) = (Cpu::own()?, subject.host.cpu()?);
        raw_cpu.add(start, own);
        let tally = subject.sign_in(plan.logins)?;
        host_cpu.add(host, subject.host.cpu()?);
        generator_cpu.add(own, Cpu::own()?);
        http_rates.push(tally.rate());
        latencies.extend(tally.latencies);
    }
    let count = latencies.len() as f64;
    let each = |seconds: f64| seconds * 1_000.0 / count;
    let writes = subject.database.writes_since(&mark).await? as f64;
    let ratio = Spread::of(http_rates.iter().zip(&raw_rates).map(|(http, raw)| http / raw));
    Ok(Line::new("sign-ins over HTTP / raw hash rate", ratio, Target::AtLeast(0.90)).with([
        Figure::spread("raw verifications/s", raw_rates),
        Figure::spread("sign-ins/s", http_rates),
        Figure::one("p50 ms", f64::from(percentile(&mut latencies, 50.0)) / 1_000.0),
        Figure::one("p99 ms", f64::from(percentile(&mut latencies, 99.0)) / 1_000.0),
        Figure::one("cpu ms/raw verification", each(raw_cpu.user + raw_cpu.system)),
        Figure::one("cpu ms/sign-in: host user", each(host_cpu.user)),
        Figure::one("host system", each(host_cpu.system)),
        Figure::one("generator", each(generator_cpu.user + generator_cpu.system)),
        Figure::one(subject.database.write_unit(), writes / count),
    ]))
}

/// The peak of the host's memory, when it has seen enough sign-ins.
pub(crate) fn memory(subject: &mut Subject, plan: &Plan) -> Result<Line, BenchError> {
    let missing = plan.memory_logins.saturating_sub(subject.seeded.taken());
    if missing > 0 {
        subject.sign_in(missing)?;
    }
    let peak = subject.host.peak_memory_kib()? as f64 / 1_024.0;
    let line = Line::new("peak memory of the host, MiB", Spread::of([peak]), Target::Under(120.0));
    Ok(line.with([Figure::one("after sign-ins", subject.seeded.taken() as f64)]))
}
