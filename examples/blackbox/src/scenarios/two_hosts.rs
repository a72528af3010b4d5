//! Two hosts over one database share its mail, also when one of them is killed, and its limits.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::kit::{CHEAP, Engine, Launch, MailServer, PASSWORD, Taken, UNLIMITED, eventually};

const MAILS: usize = 200;
/// What is handed over before the kill.
const BEFORE: usize = 60;
/// `mail.at_once`: what a host that is killed may have under way.
const UNDER_WAY: usize = 4;
const SECRET: (&str, &str) = ("SIGRA_SECRET", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");

/// Each mail is one host's. None is lost with the host that is killed, and none comes twice but what it had under way, and
/// that with the same id.
pub fn a_host_that_is_killed_loses_no_mail(binary: &str, engine: Engine) {
    let server = MailServer::closed();
    let [stays, dies] = ["host-b.example", "host-a.example"];
    let settings = [CHEAP, UNLIMITED, SECRET];
    let staying = Launch::new(binary).on(engine).env(&settings).env(&[("SIGRA_MAIL", &server.url(stays))]).start();
    let dying = Launch::new(binary).beside(&staying).env(&settings).env(&[("SIGRA_MAIL", &server.url(dies))]);
    let mut dying = dying.start();

    let submitted: BTreeSet<_> = (0..MAILS).map(|number| format!("user-{number}@example.com")).collect();
    for email in &submitted {
        staying.client().api("/register", &json!({ "email": email, "password": PASSWORD })).expect(202);
    }
    let database = staying.database();
    eventually("every mail was tried, and none is about to be tried again", || {
        let soon = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + Duration::from_secs(5);
        let waiting =
            "SELECT count(*) FROM sigra_outbox WHERE last_fault = 'deferred' AND lease_id IS NULL AND due_at >";
        (database.number(&format!("{waiting} {}", soon.as_micros())) == MAILS as i64).then_some(())
    });
    assert_eq!(server.taken(), [], "the server was closed");

    // All of it is due now, and both hosts take their part, until each waits for an answer.
    server.open_for(BEFORE);
    staying.clock.advance(600);
    let held = |client: &str| server.taken().iter().skip(BEFORE).any(|taken| taken.client == client);
    eventually("both hosts wait for an answer", || (held(stays) && held(dies)).then_some(()));
    let before: BTreeSet<_> = server.taken().into_iter().map(|taken| taken.message_id).collect();
    assert!(before.len() < MAILS, "the kill comes too late to cut anything off");
    dying.kill();
    server.release();
    // What the dead one held is taken over when its leases lapse.
    staying.clock.advance(30);
    let owed = "SELECT count(*) FROM sigra_outbox WHERE settled_at IS NULL";
    eventually("no mail is owed", || (database.number(owed) == 0).then_some(()));

    let taken = server.taken();
    let mut by_id: BTreeMap<&str, Vec<&Taken>> = BTreeMap::new();
    for message in &taken {
        by_id.entry(&message.message_id).or_default().push(message);
    }
    let recipients: BTreeSet<_> = by_id.values().map(|copies| copies[0].to.clone()).collect();
    assert_eq!((by_id.len(), recipients), (MAILS, submitted), "one mail for each, whoever sent it");
    assert_eq!(database.number("SELECT count(*) FROM sigra_outbox WHERE settled_as = 'sent'"), MAILS as i64);
    let twice: Vec<_> = by_id.values().filter(|copies| copies.len() > 1).collect();
    assert!(twice.len() <= UNDER_WAY, "more came twice than was under way: {twice:?}");
    for copies in twice {
        let clients: Vec<_> = copies.iter().map(|copy| copy.client.as_str()).collect();
        assert_eq!(clients, [dies, stays], "only what the killed one had under way comes again");
        assert_eq!(copies[0].to, copies[1].to);
    }
}

/// Whoever asks both hosts may ask as often as whoever asks one.
pub fn th_08_hosts_over_one_database_share_one_limit(binary: &str, engine: Engine) {
    // `Limits::sign_in`, for a minute.
    const ALLOWED: usize = 30;
    let one = Launch::new(binary).on(engine).env(&[CHEAP, SECRET]).start();
    let other = Launch::new(binary).beside(&one).env(&[CHEAP, SECRET]).start();
    let guess = json!({ "email": "ada@example.com", "password": "not the password at all" });
    let statuses: Vec<_> = thread::scope(|scope| {
        let hosts = [&one, &other].into_iter().cycle().take(2 * ALLOWED + 8);
        let asking: Vec<_> = hosts.map(|host| scope.spawn(|| host.client().api("/login", &guess).status)).collect();
        asking.into_iter().map(|asked| asked.join().unwrap()).collect()
    });
    let count = |wanted: u16| statuses.iter().filter(|status| **status == wanted).count();
    assert_eq!((count(401), count(429)), (ALLOWED, ALLOWED + 8), "{statuses:?}");
    one.clock.advance(61);
    for host in [&one, &other] {
        assert_eq!(host.client().api("/login", &guess).status, 401, "the window has passed");
    }
}
