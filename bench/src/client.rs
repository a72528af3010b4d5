//! A keep-alive HTTP/1.1 connection that costs next to nothing: it shares the machine with what it measures.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// One connection. Requests are sent as they are, answers are read to their end.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// What matters of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) length: usize,
}

/// A host that says nothing for so long is taken for dead.
const PATIENCE: Duration = Duration::from_secs(60);

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream, buffer: vec![0; 16 * 1_024] })
    }

    /// Sends one request and reads its answer.
    pub(crate) fn send(&mut self, request: &[u8]) -> io::Result<Answer> {
        self.stream.write_all(request)?;
        let mut filled = 0;
        let (answer, head) = loop {
            filled += self.read(filled)?;
            if let Some(parsed) = parse(&self.buffer[..filled])? {
                break parsed;
            }
        };
        let mut left = (head + answer.length).checked_sub(filled).ok_or_else(|| broken("more than one answer"))?;
        while left > 0 {
            left = left.checked_sub(self.read(0)?).ok_or_else(|| broken("more than one answer"))?;
        }
        Ok(answer)
    }

    fn read(&mut self, at: usize) -> io::Result<usize> {
        match self.stream.read(&mut self.buffer[at..])? {
            0 => Err(broken("the connection ended, or the head of the answer is too long")),
            read => Ok(read),
        }
    }
}

/// A GET with a session's cookie.
pub(crate) fn get(address: SocketAddr, path: &str, cookie: Option<&str>) -> Vec<u8> {
    let cookie = cookie.map(|cookie| format!("cookie: {cookie}\r\n")).unwrap_or_default();
    format!("GET {path} HTTP/1.1\r\nhost: localhost:{}\r\n{AGENT}{cookie}\r\n", address.port()).into_bytes()
}

/// A POST of JSON, without a cookie.
pub(crate) fn post(address: SocketAddr, path: &str, body: &str) -> Vec<u8> {
    let (port, length) = (address.port(), body.len());
    let head = format!("POST {path} HTTP/1.1\r\nhost: localhost:{port}\r\n{AGENT}content-type: application/json\r\n");
    format!("{head}content-length: {length}\r\n\r\n{body}").into_bytes()
}

const AGENT: &str = "user-agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
                     accept: application/json\r\n";

/// The answer and the length of its head, when the head is there.
fn parse(bytes: &[u8]) -> io::Result<Option<(Answer, usize)>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = std::str::from_utf8(&bytes[..end]).map_err(|_| broken("a head that is no text"))?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| broken("no status"))?;
    let length = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok())
        .ok_or_else(|| broken("no content-length"))?;
    Ok(Some((Answer { status, length }, end + 4)))
}

fn broken(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not an answer this client reads: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read() {
        let whole = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\nretry-after: 1\r\n\r\n{}";
        assert_eq!(parse(whole).unwrap(), Some((Answer { status: 503, length: 2 }, whole.len() - 2)));
        assert_eq!(parse(&whole[..30]).unwrap(), None);
        assert!(parse(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
    }
}
