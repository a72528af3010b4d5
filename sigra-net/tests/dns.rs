//! `DnsFacts` against a server that this test runs.
#![cfg(feature = "dns")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, MX, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use sigra_core::ports::{MailDomains, Unanswered};
use sigra_net::{DnsConfig, DnsError, DnsFacts};
use sigra_testing::ManualClock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UdpSocket};

#[derive(Clone)]
enum Reply {
    Records(Vec<RData>),
    Code(ResponseCode),
    /// By TCP only.
    Large(Vec<RData>),
    Silence,
}

type Zone = BTreeMap<(&'static str, RecordType), Reply>;

/// A name, what was asked for, and by which transport.
type Asked = (String, RecordType, &'static str);

/// A server that knows a zone, by UDP and TCP on one port, and keeps what it is asked.
struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    async fn start(zone: Zone) -> Self {
        let (udp, tcp) = loop {
            let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
            if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()).await {
                break (udp, tcp);
            }
        };
        let address = tcp.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (zone, kept) = (Arc::new(zone), Arc::clone(&asked));
        let (zone_tcp, kept_tcp) = (Arc::clone(&zone), Arc::clone(&asked));
        tokio::spawn(async move {
            let mut buffer = [0; 4_096];
            loop {
                let (length, from) = udp.recv_from(&mut buffer).await.unwrap();
                if let Some(answer) = answer(&zone, &buffer[..length], "udp", &kept) {
                    udp.send_to(&answer, from).await.unwrap();
                }
            }
        });
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = tcp.accept().await.unwrap();
                while let Ok(length) = stream.read_u16().await {
                    let mut question = vec![0; length.into()];
                    stream.read_exact(&mut question).await.unwrap();
                    if let Some(answer) = answer(&zone_tcp, &question, "tcp", &kept_tcp) {
                        stream.write_u16(answer.len().try_into().unwrap()).await.unwrap();
                        stream.write_all(&answer).await.unwrap();
                    }
                }
            }
        });
        Self { address, asked }
    }

    fn facts(&self, clock: &ManualClock) -> DnsFacts {
        let config = DnsConfig { time_millis: 1_000, cache_at_most: 2, ..DnsConfig::default() };
        self.facts_with(clock, config)
    }

    fn facts_with(&self, clock: &ManualClock, config: DnsConfig) -> DnsFacts {
        DnsFacts::with_servers(&[self.address], Arc::new(clock.clone()), config).unwrap()
    }

    /// What it was asked since this was last called.
    fn take_asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

fn answer(zone: &Zone, question: &[u8], transport: &'static str, asked: &Mutex<Vec<Asked>>) -> Option<Vec<u8>> {
    let question = Message::from_vec(question).unwrap();
    let query = question.queries[0].clone();
    let name = query.name().to_ascii().to_ascii_lowercase();
    asked.lock().unwrap().push((name.clone(), query.query_type(), transport));
    let reply = zone.iter().find(|((known, kind), _)| *known == name && *kind == query.query_type());
    let mut message = Message::response(question.id, question.op_code);
    message.metadata.recursion_available = true;
    message.add_query(query.clone());
    match reply.map(|(_, reply)| reply.clone()) {
        Some(Reply::Records(records)) => add(&mut message, query.name(), records),
        Some(Reply::Large(records)) if transport == "tcp" => add(&mut message, query.name(), records),
        Some(Reply::Large(_)) => message.metadata.truncation = true,
        Some(Reply::Code(code)) => message.metadata.response_code = code,
        Some(Reply::Silence) => return None,
        None => {}
    }
    Some(message.to_vec().unwrap())
}

fn add(message: &mut Message, name: &Name, records: Vec<RData>) {
    message.add_answers(records.into_iter().map(|data| Record::from_rdata(name.clone(), 60, data)));
}

fn mx(preference: u16, host: &str) -> RData {
    RData::MX(MX::new(preference, Name::from_ascii(host).unwrap()))
}

fn v4() -> RData {
    RData::A(A::new(192, 0, 2, 1))
}

fn txt(parts: &[&[u8]]) -> RData {
    RData::TXT(TXT::from_bytes(parts.to_vec()))
}

async fn asked_about(zone: Zone, domain: &str) -> (Result<bool, &'static str>, Vec<RecordType>) {
    let server = Server::start(zone).await;
    let facts = server.facts(&ManualClock::default());
    let outcome = facts.takes_mail(domain).await;
    let asked = server.take_asked();
    assert!(asked.iter().all(|(name, ..)| *name == format!("{domain}.")), "no search list applies: {asked:?}");
    (outcome.map_err(|unanswered| unanswered.reason()), asked.into_iter().map(|(_, kind, _)| kind).collect())
}

const MX_TYPE: RecordType = RecordType::MX;
const NAME: &str = "shop.example.org.";
const DOMAIN: &str = "shop.example.org";

#[tokio::test]
async fn a_domain_with_an_exchanger_takes_mail() {
    let zone = Zone::from([((NAME, MX_TYPE), Reply::Records(vec![mx(10, "mx.example.net."), mx(20, "mx2.example.")]))]);
    assert_eq!(asked_about(zone, DOMAIN).await, (Ok(true), vec![MX_TYPE]));
}

#[tokio::test]
async fn a_null_mx_takes_none() {
    let addresses = ((NAME, RecordType::A), Reply::Records(vec![v4()]));
    let zone = Zone::from([((NAME, MX_TYPE), Reply::Records(vec![mx(0, ".")])), addresses.clone()]);
    assert_eq!(asked_about(zone, DOMAIN).await, (Ok(false), vec![MX_TYPE]));
    // Beside a real one it means nothing.
    let zone = Zone::from([((NAME, MX_TYPE), Reply::Records(vec![mx(0, "."), mx(10, "mx.example.net.")])), addresses]);
    assert_eq!(asked_about(zone, DOMAIN).await.0, Ok(true));
}

#[tokio::test]
async fn a_domain_with_an_address_alone_takes_mail() {
    let zone = Zone::from([((NAME, RecordType::A), Reply::Records(vec![v4()]))]);
    assert_eq!(asked_about(zone, DOMAIN).await, (Ok(true), vec![MX_TYPE, RecordType::A]));
    let v6 = RData::AAAA(AAAA::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));
    let zone = Zone::from([((NAME, RecordType::AAAA), Reply::Records(vec![v6]))]);
    assert_eq!(asked_about(zone, DOMAIN).await, (Ok(true), vec![MX_TYPE, RecordType::A, RecordType::AAAA]));
}

#[tokio::test]
async fn a_domain_with_neither_takes_none() {
    let all = vec![MX_TYPE, RecordType::A, RecordType::AAAA];
    assert_eq!(asked_about(Zone::new(), DOMAIN).await, (Ok(false), all));
}

#[tokio::test]
async fn a_domain_that_does_not_exist_takes_none() {
    let zone = Zone::from([((NAME, MX_TYPE), Reply::Code(ResponseCode::NXDomain))]);
    assert_eq!(asked_about(zone, DOMAIN).await, (Ok(false), vec![MX_TYPE]));
}

#[tokio::test]
async fn a_server_that_fails_or_refuses_leaves_it_open() {
    for code in [ResponseCode::ServFail, ResponseCode::Refused, ResponseCode::NotImp] {
        let zone = Zone::from([((NAME, MX_TYPE), Reply::Code(code))]);
        assert_eq!(asked_about(zone, DOMAIN).await.0, Err("refused"), "{code}");
        // No exchanger is not enough to say no when nobody knows of addresses.
        let zone = Zone::from([((NAME, RecordType::AAAA), Reply::Code(code))]);
        assert_eq!(asked_about(zone, DOMAIN).await.0, Err("refused"), "{code}");
    }
}

#[tokio::test]
async fn a_silent_server_is_given_up_in_its_time() {
    let server = Server::start(Zone::from([((NAME, MX_TYPE), Reply::Silence)])).await;
    let facts = server.facts_with(&ManualClock::default(), DnsConfig { time_millis: 100, ..DnsConfig::default() });
    let bound = Duration::from_secs(5);
    let unanswered = tokio::time::timeout(bound, facts.takes_mail(DOMAIN)).await.unwrap().unwrap_err();
    assert_eq!(unanswered.reason(), "timed_out");
    assert!(!server.take_asked().is_empty());
}

#[tokio::test]
async fn nobody_there_leaves_it_open() {
    let address = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let config = DnsConfig { time_millis: 500, ..DnsConfig::default() };
    let facts = DnsFacts::with_servers(&[address], Arc::new(ManualClock::default()), config).unwrap();
    let unanswered = facts.takes_mail(DOMAIN).await.unwrap_err();
    assert!(matches!(unanswered.reason(), "unreachable" | "timed_out"), "{unanswered:?}");
}

#[tokio::test]
async fn what_udp_has_no_room_for_comes_by_tcp() {
    let exchangers: Vec<_> = (0..200).map(|number| mx(number, &format!("mx{number}.example.net."))).collect();
    let server = Server::start(Zone::from([((NAME, MX_TYPE), Reply::Large(exchangers))])).await;
    assert!(server.facts(&ManualClock::default()).takes_mail(DOMAIN).await.unwrap());
    let transports: Vec<_> = server.take_asked().into_iter().map(|(_, _, transport)| transport).collect();
    assert_eq!(transports, ["udp", "tcp"]);
}

#[tokio::test]
async fn answers_are_remembered_for_a_while_and_not_knowing_is_not() {
    let zone = Zone::from([
        (("good.example.", MX_TYPE), Reply::Records(vec![mx(10, "mx.example.net.")])),
        (("bad.example.", MX_TYPE), Reply::Records(vec![mx(0, ".")])),
        (("broken.example.", MX_TYPE), Reply::Code(ResponseCode::ServFail)),
    ]);
    let server = Server::start(zone).await;
    let clock = ManualClock::default();
    let facts = server.facts(&clock);
    let known = async |domain: &str| {
        let outcome = facts.takes_mail(domain).await.map_err(|unanswered: Unanswered| unanswered.reason());
        (outcome, !server.take_asked().is_empty())
    };
    let config = DnsConfig::default();

    assert_eq!(known("good.example").await, (Ok(true), true));
    assert_eq!(known("bad.example").await, (Ok(false), true));
    assert_eq!(known("broken.example").await, (Err("refused"), true));
    assert_eq!(known("broken.example").await, (Err("refused"), true));
    clock.advance(Duration::from_secs(u64::from(config.cache_refused_secs) - 1));
    assert_eq!(known("good.example").await, (Ok(true), false));
    assert_eq!(known("bad.example").await, (Ok(false), false));
    clock.advance(Duration::from_secs(1));
    assert_eq!(known("bad.example").await, (Ok(false), true));
    clock.advance(Duration::from_secs(u64::from(config.cache_secs - config.cache_refused_secs)));
    assert_eq!(known("good.example").await, (Ok(true), true));

    // There is room for two: a third one pushes the first one out.
    assert_eq!(known("third.example").await, (Ok(false), true));
    assert_eq!(known("good.example").await, (Ok(true), true));
}

#[tokio::test]
async fn texts_are_put_together_and_bounded() {
    let long = vec![b'x'; 255];
    let too_long = vec![&*long; DnsFacts::MAX_TEXT_BYTES / 255 + 1];
    let mut records =
        vec![txt(&[b"v=spf1 ", b"-all"]), txt(&[b"\xff\xfe"]), txt(&too_long), txt(&["sigra=grüße".as_bytes()])];
    records.extend((0..100).map(|number| txt(&[format!("n{number}").as_bytes()])));
    let zone = Zone::from([
        (("_sigra.example.org.", RecordType::TXT), Reply::Large(records)),
        (("gone.example.org.", RecordType::TXT), Reply::Code(ResponseCode::NXDomain)),
        (("broken.example.org.", RecordType::TXT), Reply::Code(ResponseCode::ServFail)),
        (("silent.example.org.", RecordType::TXT), Reply::Silence),
    ]);
    let server = Server::start(zone).await;
    let config = DnsConfig { time_millis: 500, ..DnsConfig::default() };
    let facts = server.facts_with(&ManualClock::default(), config);
    let texts = facts.txt_records("_sigra.example.org").await.unwrap();
    assert_eq!(texts.len(), DnsFacts::MAX_TEXTS);
    assert_eq!(texts[..4], ["v=spf1 -all", "sigra=grüße", "n0", "n1"]);
    assert_eq!(facts.txt_records("example.org").await.unwrap(), Vec::<String>::new());
    assert_eq!(facts.txt_records("gone.example.org").await.unwrap(), Vec::<String>::new());
    for (domain, reason) in
        [("broken.example.org", "refused"), ("silent.example.org", "timed_out"), ("a..b", "invalid_name")]
    {
        assert_eq!(facts.txt_records(domain).await.unwrap_err().reason(), reason, "{domain}");
    }
    let long_name = format!("{}example.org", "label.".repeat(60));
    assert_eq!(facts.takes_mail(&long_name).await.unwrap_err().reason(), "invalid_name");
}

#[tokio::test]
async fn an_error_does_not_repeat_the_name() {
    let zone = Zone::from([((NAME, MX_TYPE), Reply::Code(ResponseCode::ServFail))]);
    let server = Server::start(zone).await;
    let unanswered = server.facts(&ManualClock::default()).takes_mail(DOMAIN).await.unwrap_err();
    assert!(!format!("{unanswered} {unanswered:?}").contains("shop"), "{unanswered:?}");
}

#[test]
fn faulty_configurations_end_the_start() {
    let clock = Arc::new(ManualClock::default());
    let bad = DnsConfig { time_millis: 0, cache_secs: 100_000, ..DnsConfig::default() };
    let error = DnsFacts::with_servers(&["127.0.0.1:53".parse().unwrap()], clock.clone(), bad).unwrap_err();
    assert!(matches!(&error, DnsError::Config(faults) if faults.len() == 2), "{error}");
    let error = DnsFacts::with_servers(&[], clock, DnsConfig::default()).unwrap_err();
    assert!(matches!(error, DnsError::NoServer));
}
