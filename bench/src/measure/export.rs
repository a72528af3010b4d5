//! The memory an export takes, however much there is to export.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use super::Subject;
use crate::client::{get, post};
use crate::error::BenchError;
use crate::plan::Plan;
use crate::process::HostProcess;
use crate::report::{Figure, Line, Target};
use crate::stats::Spread;

/// How much larger the host gets while it exports an account with many audit events, than it was after it had exported one
/// with few. The events are the first account's, the few are those of its sign-in and the second's.
pub(crate) async fn export(subject: &mut Subject, plan: &Plan) -> Result<Line, BenchError> {
    let bodies = subject.seeded.take_logins(2)?;
    let host = &subject.host;
    let few = sign_in(host.app, &bodies[1])?;
    for _ in 0..3 {
        download(host, &few, &mut |_| Ok(()))?;
    }
    let many = sign_in(host.app, &bodies[0])?;
    let before = host.memory_kib()?;
    let mut peak = before;
    let mut watch = |host: &HostProcess| {
        peak = peak.max(host.memory_kib()?);
        Ok(())
    };
    let started = std::time::Instant::now();
    let bytes = download(host, &many, &mut watch)?;
    let seconds = started.elapsed().as_secs_f64();
    let grown = (peak - before) as f64 / 1_024.0;
    let what = format!("an export of {} audit events: growth of memory, MiB", plan.events);
    Ok(Line::new(what, Spread::of([grown]), Target::Under(16.0)).with([
        Figure::one("resident before MiB", before as f64 / 1_024.0),
        Figure::one("document MiB", bytes as f64 / (1_024.0 * 1_024.0)),
        Figure::one("events/s", plan.events as f64 / seconds),
    ]))
}

/// The cookie of a session that is fresh.
fn sign_in(address: SocketAddr, body: &str) -> Result<String, BenchError> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(&post(address, "/auth/api/v1/login", body))?;
    let mut head = Vec::new();
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        let mut part = [0; 4_096];
        match stream.read(&mut part)? {
            0 => break,
            read => head.extend_from_slice(&part[..read]),
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let cookies = head.lines().filter_map(|line| line.strip_prefix("set-cookie: "));
    let cookie =
        cookies.filter_map(|cookie| cookie.split(';').next()).find(|cookie| cookie.starts_with("sigra_session="));
    cookie.map(str::to_owned).ok_or_else(|| BenchError::failed("a sign-in before an export was not let in"))
}

/// Reads an export to its end, and looks on between the parts. Answers its size.
fn download(
    host: &HostProcess,
    cookie: &str,
    look: &mut impl FnMut(&HostProcess) -> Result<(), BenchError>,
) -> Result<usize, BenchError> {
    let mut stream = TcpStream::connect(host.app)?;
    stream.write_all(&get(host.app, "/auth/api/v1/export", Some(cookie)))?;
    let (mut total, mut parts, mut part, mut last) = (0, 0_usize, vec![0; 64 * 1_024], Vec::new());
    let ends = |last: &[u8]| last.ends_with(b"\r\n0\r\n\r\n");
    while !ends(&last) {
        let read = stream.read(&mut part)?;
        if read == 0 || (total == 0 && !part.starts_with(b"HTTP/1.1 200")) {
            return Err(BenchError::failed("an export was refused or broke off"));
        }
        total += read;
        last.extend_from_slice(&part[..read]);
        last.drain(..last.len().saturating_sub(16));
        parts += 1;
        if parts % 16 == 0 {
            look(host)?;
        }
    }
    look(host)?;
    Ok(total)
}
