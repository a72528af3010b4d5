//! Starts that must be refused: exit code 2 and one message that names the variable.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::kit::{Ended, Launch, refused};

const SECRET: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const ELSEWHERE: [(&str, &str); 3] = [
    ("SIGRA_PUBLIC_URL", "https://app.example"),
    ("SIGRA_SECRET", SECRET),
    ("SIGRA_MAIL", "smtps://user:opensesame@mail.example"),
];

/// A wrong value of any variable.
pub fn every_wrong_value_is_named(binary: &str) {
    for (variable, value) in [
        ("SIGRA_LISTEN", "nonsense"),
        ("SIGRA_LISTEN", "127.0.0.1"),
        ("SIGRA_LISTEN", "127.0.0.1:70000"),
        ("SIGRA_LISTEN", "192.0.2.1:3000"),
        ("SIGRA_PUBLIC_URL", "nonsense"),
        ("SIGRA_PUBLIC_URL", "ftp://localhost"),
        ("SIGRA_PUBLIC_URL", "http://app.example"),
        ("SIGRA_PUBLIC_URL", "http://localhost:3000/path"),
        ("SIGRA_DATA_DIR", "/dev/null/data"),
        ("SIGRA_DATABASE_URL", "nonsense"),
        ("SIGRA_DATABASE_URL", "oracle://localhost/x"),
        ("SIGRA_DATABASE_URL", "sqlite:///nowhere/at/all.db?mode=rwc"),
        ("SIGRA_SECRET", "short"),
        ("SIGRA_MAIL", "pigeon"),
        ("SIGRA_MAIL", "dir:/dev/null/mail"),
        ("SIGRA_MAIL", "dir:"),
        ("SIGRA_MAIL", "smtp://"),
        ("SIGRA_TRUSTED_PROXIES", "ten"),
        ("SIGRA_TRUSTED_PROXIES", "10.0.0.0/8,10.0.0.0/64"),
        ("SIGRA_RATE_LIMIT", "maybe"),
        ("SIGRA_ARGON2", "lots"),
        ("SIGRA_ARGON2", "m=0,t=1,p=1"),
        ("SIGRA_GEOIP_DB", "/nowhere/at/all.mmdb"),
        ("RUST_LOG", "sigra=loud"),
    ] {
        let ended = refused(&Launch::new(binary).env(&[(variable, value)]));
        names(&ended, variable, &format!("{variable}={value}"));
    }
}

/// Values that hold secrets.
pub fn no_secret_is_repeated(binary: &str) {
    let mixed = format!("{SECRET},opensesame");
    for (variable, value) in [
        ("SIGRA_SECRET", "opensesame"),
        ("SIGRA_SECRET", &mixed),
        ("SIGRA_MAIL", "smtp://user:opensesame@mail.example?tls=perhaps"),
        ("SIGRA_MAIL", "smpt://user:opensesame@mail.example"),
        ("SIGRA_DATABASE_URL", "postgres://user:opensesame@127.0.0.1:1/sigra"),
        ("SIGRA_DATABASE_URL", "mysql://user:opensesame@127.0.0.1:1/sigra"),
        ("SIGRA_DATABASE_URL", "postgras://user:opensesame@127.0.0.1:1/sigra"),
        ("SIGRA_PUBLIC_URL", "http://user:opensesame@localhost:3000"),
    ] {
        let ended = refused(&Launch::new(binary).env(&[(variable, value)]));
        names(&ended, variable, &format!("{variable}={value}"));
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert!(!said.contains("opensesame") && !said.contains(SECRET), "{variable}={value}: {said}");
    }
}

/// Outside loopback mode nothing is generated, and what is for development is refused.
pub fn a_reachable_host_must_be_told_its_secret(binary: &str) {
    let without = |variable: &str| {
        let pairs: Vec<_> = ELSEWHERE.iter().copied().filter(|(name, _)| *name != variable).collect();
        Launch::new(binary).env(&pairs)
    };
    for variable in ["SIGRA_SECRET", "SIGRA_MAIL"] {
        names(&refused(&without(variable)), variable, "missing");
        names(&refused(&without(variable).env(&[(variable, "")])), variable, "empty");
    }
    let reachable = [("SIGRA_LISTEN", "0.0.0.0:0")];
    names(&refused(&Launch::new(binary).env(&reachable)), "SIGRA_PUBLIC_URL", "plain http in reach of others");
    for (variable, value) in [
        ("SIGRA_MAIL", "dir:mail"),
        ("SIGRA_MAIL", "console"),
        ("SIGRA_RATE_LIMIT", "off"),
        ("SIGRA_ARGON2", "m=64,t=1,p=1"),
        ("SIGRA_TEST_CLOCK", "clock"),
    ] {
        let launch = without(variable).env(&[(variable, value)]);
        names(&refused(&launch), variable, &format!("{variable}={value}"));
        names(&refused(&launch.env(&reachable)), variable, &format!("{variable}={value}, in reach of others"));
    }
}

/// A port another process listens on.
pub fn a_taken_port_is_named(binary: &str) {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = other.local_addr().unwrap().to_string();
    names(&refused(&Launch::new(binary).env(&[("SIGRA_LISTEN", &taken)])), "SIGRA_LISTEN", "taken");
}

/// A file that is there, but is not what it should be.
pub fn a_file_that_is_no_geoip_database_is_named(binary: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("broken.mmdb");
    for content in [&b""[..], b"not a database", &[0; 4_096]] {
        std::fs::write(&file, content).unwrap();
        let ended = refused(&Launch::new(binary).env(&[("SIGRA_GEOIP_DB", file.to_str().unwrap())]));
        names(&ended, "SIGRA_GEOIP_DB", "broken");
    }
}

/// Nobody listens there, or nobody answers: it is waited for, but not for long.
pub fn a_database_server_out_of_reach_is_said_to_be(binary: &str) {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().unwrap().to_string();
    for scheme in ["postgres", "mysql"] {
        for address in ["127.0.0.1:1", &silent] {
            let url = format!("{scheme}://user:opensesame@{address}/sigra");
            let began = Instant::now();
            let ended = refused(&Launch::new(binary).env(&[("SIGRA_DATABASE_URL", &url)]));
            assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
            names(&ended, "SIGRA_DATABASE_URL", &url);
            assert!(ended.stderr.contains("cannot be reached"), "{}", ended.stderr);
            assert!(!ended.stderr.contains("opensesame"), "{}", ended.stderr);
        }
    }
}

fn names(ended: &Ended, variable: &str, about: &str) {
    assert_eq!(ended.code, Some(2), "{about}: {ended:?}");
    let errors: Vec<_> = ended.stderr.lines().filter(|line| line.contains("accepted:")).collect();
    assert_eq!(errors.len(), 1, "{about}: one message: {}", ended.stderr);
    assert!(errors[0].starts_with(&format!("error: {variable}: ")), "{about}: {}", ended.stderr);
    assert!(
        !ended.stdout.contains("http"),
        "{about}: nobody is told of a host that does not come up: {}",
        ended.stdout
    );
}
