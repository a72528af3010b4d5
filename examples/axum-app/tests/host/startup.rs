//! Starting, refusing to start, stopping, and starting again.

use std::fs;
use std::net::TcpListener;

use serde_json::json;

use crate::BINARY;
use crate::support::{PASSWORD, Place, mode, register, sign_in, wait_for};

const EMAIL: &str = "ada@example.org";
const SECRET: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// Starts with more variables; the host must refuse with one message about one of them.
#[track_caller]
fn refuses(variable: &str, env: &[(&str, &str)]) -> String {
    let place = env.iter().fold(Place::bare(BINARY), |place, (name, value)| place.with(name, value));
    let place = place.with("RUST_LOG", "warn");
    let (status, told) = place.refuse();
    assert_eq!(status.code(), Some(2), "{env:?}: {told}");
    assert_eq!(told.lines().count(), 1, "{env:?}: {told}");
    assert!(told.starts_with(&format!("error: {variable}: ")), "{env:?}: {told}");
    assert!(told.contains("accepted: "), "{env:?}: {told}");
    told
}

#[test]
fn a_wrong_value_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "this is no database of places").unwrap();
    let file = file.to_str().unwrap();
    let below = format!("{file}/below");
    let mail = format!("dir:{below}");
    let database = format!("sqlite://{below}.db?mode=rwc");
    for (variable, value) in [
        ("SIGRA_LISTEN", "nonsense"),
        ("SIGRA_LISTEN", "127.0.0.1:99999"),
        ("SIGRA_PUBLIC_URL", "nonsense"),
        ("SIGRA_PUBLIC_URL", "http://app.example"),
        ("SIGRA_PUBLIC_URL", "http://localhost:3000/path"),
        ("SIGRA_DATA_DIR", &below),
        ("SIGRA_DATABASE_URL", "nonsense"),
        ("SIGRA_DATABASE_URL", &database),
        ("SIGRA_MAIL", "pigeon"),
        ("SIGRA_MAIL", "dir:"),
        ("SIGRA_MAIL", &mail),
        ("SIGRA_TRUSTED_PROXIES", "ten"),
        ("SIGRA_TRUSTED_PROXIES", "10.0.0.0/8,10.0.0.0/64"),
        ("SIGRA_RATE_LIMIT", "maybe"),
        ("SIGRA_ARGON2", "lots"),
        ("SIGRA_ARGON2", "m=0,t=0,p=0"),
        ("SIGRA_GEOIP_DB", &below),
        ("SIGRA_GEOIP_DB", file),
    ] {
        refuses(variable, &[(variable, value)]);
    }
}

#[test]
fn a_refusal_repeats_no_secret() {
    for (variable, value) in [
        ("SIGRA_SECRET", "hunter2"),
        ("SIGRA_SECRET", &format!("{SECRET},hunter2")),
        ("SIGRA_SECRET", "hunter2-hunter2-hunter2-hunter2-hunter2-hunter2!"),
        ("SIGRA_MAIL", "smtp://user:hunter2@"),
        ("SIGRA_MAIL", "smtp://user:hunter2@mail.example:port"),
        ("SIGRA_MAIL", "smpt://user:hunter2@mail.example"),
        ("SIGRA_DATABASE_URL", "postgres://user:hunter2@127.0.0.1:1/sigra"),
        ("SIGRA_DATABASE_URL", "postgres://user:hunter2@127.0.0.1:port/sigra"),
        ("SIGRA_DATABASE_URL", "mysq://user:hunter2@127.0.0.1:1/sigra"),
    ] {
        let told = refuses(variable, &[(variable, value)]);
        assert!(!told.contains("hunter2") && !told.contains(SECRET), "{value}: {told}");
    }
}

#[test]
fn beyond_loopback_everything_must_be_told_and_nothing_is_loosened() {
    let listen = ("SIGRA_LISTEN", "0.0.0.0:0");
    let https = ("SIGRA_PUBLIC_URL", "https://app.example");
    let secret = ("SIGRA_SECRET", SECRET);
    let mail = ("SIGRA_MAIL", "smtps://user:pass@mail.example");
    refuses("SIGRA_PUBLIC_URL", &[listen]);
    refuses("SIGRA_PUBLIC_URL", &[listen, ("SIGRA_PUBLIC_URL", "http://app.example")]);
    refuses("SIGRA_SECRET", &[listen, https, mail]);
    refuses("SIGRA_SECRET", &[https, mail]);
    refuses("SIGRA_MAIL", &[listen, https, secret]);
    for (variable, value) in [
        ("SIGRA_MAIL", "console"),
        ("SIGRA_MAIL", "dir:mail"),
        ("SIGRA_RATE_LIMIT", "off"),
        ("SIGRA_ARGON2", "m=64,t=1,p=1"),
        ("SIGRA_TEST_CLOCK", "clock"),
    ] {
        let told = refuses(variable, &[listen, https, secret, mail, (variable, value)]);
        assert!(told.contains("loopback"), "{told}");
    }
}

#[test]
fn a_taken_port_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    refuses("SIGRA_LISTEN", &[("SIGRA_LISTEN", &taken.local_addr().unwrap().to_string())]);
}

#[test]
fn sessions_outlast_a_restart() {
    let place = Place::new(BINARY);
    let host = place.start();
    assert!(host.first_line.contains(&format!("http://localhost:{}", host.address().port())), "{}", host.first_line);
    register(&place, &host, EMAIL, PASSWORD);
    let mut ada = host.client();
    sign_in(&mut ada, EMAIL, PASSWORD).expect(200);
    let session = ada.get("/me").expect(200).json();
    let secret = fs::read(place.data_dir().join("secret.key")).unwrap();
    assert_eq!(host.terminate().code(), Some(0));

    let host = place.start();
    let mut ada = ada.moved_to(&host.client());
    assert_eq!(ada.get("/me").expect(200).json(), session);
    let path = place.data_dir().join("secret.key");
    assert_eq!((fs::read(&path).unwrap(), mode(&path)), (secret, 0o600));
    sign_in(&mut host.client(), EMAIL, PASSWORD).expect(200);
    assert_eq!(host.terminate().code(), Some(0));
}

#[test]
fn stopping_finishes_what_was_accepted() {
    let place = Place::new(BINARY);
    let host = place.start();
    let answers: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|n| {
                let mut client = host.client();
                let body = json!({"email": format!("n{n}@example.org"), "password": PASSWORD});
                scope.spawn(move || client.post("/auth/api/v1/register", &body).status)
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(answers, [202; 8]);
    assert_eq!(host.terminate().code(), Some(0));
    let leased = "SELECT (SELECT COUNT(*) FROM sigra_requests WHERE lease_id IS NOT NULL)
        + (SELECT COUNT(*) FROM sigra_outbox WHERE lease_id IS NOT NULL)";
    assert_eq!(place.database().number(leased), 0, "nothing is left half done");
    let _host = place.start();
    (0..8).for_each(|n| _ = place.mail_to(&format!("n{n}@example.org"), "confirm_email"));
}

#[test]
fn only_loopback_names_are_served() {
    let place = Place::new(BINARY);
    let host = place.start();
    let port = host.address().port();
    let mut client = host.client();
    for path in ["/", "/healthz", "/me", "/dev/mail", "/auth/login", "/auth/api/v1/session", "/nowhere"] {
        for foreign in ["evil.example", &format!("evil.example:{port}"), "localhost.evil.example", "192.0.2.1"] {
            client.get_as(path, foreign).expect(421);
        }
    }
    for name in ["localhost", "127.0.0.1", "[::1]", "LOCALHOST"] {
        client.get_as("/healthz", &format!("{name}:{port}")).expect(200);
    }
}

#[test]
fn a_session_idles_out_by_the_test_clock() {
    let place = Place::new(BINARY).with_clock();
    let host = place.start();
    register(&place, &host, EMAIL, PASSWORD);
    let mut ada = host.client();
    sign_in(&mut ada, EMAIL, PASSWORD).expect(200);
    place.move_clock(29 * 60);
    ada.get("/me").expect(200);
    place.move_clock(58 * 60);
    ada.get("/me").expect(200);
    place.move_clock((58 + 31) * 60);
    ada.get("/me").expect_problem(401, "unauthenticated");
}

#[test]
fn a_flood_is_limited_and_the_neighbour_is_served() {
    let place = Place::new(BINARY).with("SIGRA_RATE_LIMIT", "on").with("SIGRA_TRUSTED_PROXIES", "127.0.0.1");
    let host = place.start();
    register(&place, &host, EMAIL, PASSWORD);
    let mut flood = host.client().forwarded_for("203.0.113.7");
    let limited = wait_for("the flood to be limited", || {
        let answer = sign_in(&mut flood, "nobody@example.org", "whatever it may be");
        (answer.status != 401).then_some(answer)
    });
    let limited = limited.expect_problem(429, "rate_limited");
    let pause: u32 = limited.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&pause), "{pause}");
    // The one who floods gains nothing by saying they were somewhere else before.
    let mut hidden = host.client().forwarded_for("198.51.100.9, 203.0.113.7");
    sign_in(&mut hidden, EMAIL, PASSWORD).expect_problem(429, "rate_limited");
    sign_in(&mut host.client().forwarded_for("198.51.100.9"), EMAIL, PASSWORD).expect(200);
}
