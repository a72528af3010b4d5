//! What the time of an answer tells.

use std::time::{Duration, Instant};

use serde_json::json;
use sigra_testing::timing::{ToldApart, Trials};

use crate::kit::{Client, Database, Host, Launch, OTHER_PASSWORD, PASSWORD, UNLIMITED};

/// So cheap that everything but the hash weighs more than with real parameters.
const CHEAPER: (&str, &str) = ("SIGRA_ARGON2", "m=256,t=1,p=1");

/// What a difference must come to: a seventieth of a verification with default parameters, which every attempt costs
/// outside of tests. The hosts here are not optimized, and their decoding a row or none shows otherwise.
const LEAST: Duration = Duration::from_micros(200);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Attempt {
    Unknown,
    WrongPassword,
    WithoutPassword,
    NeverConfirmed,
    OverLongForUnknown,
    OverLongForKnown,
    LockedUnknown,
    LockedKnown,
    /// Refused before anything is looked at, as a way around the hash would be.
    Control,
}

use Attempt::*;

const MUST_BE_ALIKE: [(Attempt, Attempt); 6] = [
    (Unknown, WrongPassword),
    (Unknown, WithoutPassword),
    (Unknown, NeverConfirmed),
    (WrongPassword, NeverConfirmed),
    (OverLongForUnknown, OverLongForKnown),
    (LockedUnknown, LockedKnown),
];

impl Attempt {
    const fn email(self) -> &'static str {
        match self {
            Unknown | OverLongForUnknown | Control => "nobody@example.com",
            WrongPassword | OverLongForKnown => "ada@example.com",
            WithoutPassword => "bob@example.com",
            NeverConfirmed => "eve@example.com",
            LockedUnknown => "none@example.com",
            LockedKnown => "joe@example.com",
        }
    }

    fn password(self) -> String {
        match self {
            OverLongForUnknown | OverLongForKnown => "x".repeat(2_000),
            _ => OTHER_PASSWORD.to_owned(),
        }
    }
}

/// One sign-in, timed. What earlier ones counted is forgotten, or nearly all of them would find a lock.
fn time(client: &Client, database: &Database, as_json: bool, attempt: Attempt) -> Duration {
    database.change("DELETE FROM sigra_attempts WHERE attempts < 6");
    let (email, password) = (attempt.email(), attempt.password());
    let started = Instant::now();
    let answer = match (as_json, attempt) {
        (true, Control) => client.api("/login", &json!({ "email": email, "password": password, "remember_me": "?" })),
        (false, Control) => {
            client.form("/auth/login", &[("email", email), ("password", &password), ("remember_me", "?")])
        }
        (true, _) => client.api("/login", &json!({ "email": email, "password": password })),
        (false, _) => client.form("/auth/login", &[("email", email), ("password", &password)]),
    };
    let took = started.elapsed();
    if attempt != Control {
        answer.expect(if as_json { 401 } else { 422 });
    }
    took
}

fn host(binary: &str) -> Host {
    let host = Launch::new(binary).env(&[CHEAPER, UNLIMITED]).start();
    for attempt in [WrongPassword, WithoutPassword, LockedKnown] {
        host.account(attempt.email());
    }
    let client = host.client();
    client.api("/register", &json!({ "email": NeverConfirmed.email(), "password": PASSWORD })).expect(202);
    host.mailbox.first(NeverConfirmed.email(), "confirm_email");
    for attempt in [LockedUnknown, LockedKnown] {
        for _ in 0..6 {
            client.api("/login", &json!({ "email": attempt.email(), "password": OTHER_PASSWORD })).expect(401);
        }
    }
    let database = host.database();
    database.change("UPDATE sigra_users SET password_hash = NULL WHERE email = 'bob@example.com'");
    database.change("UPDATE sigra_attempts SET locked_until = locked_until + 86400000000 WHERE attempts = 6");
    assert_eq!(database.number("SELECT count(*) FROM sigra_attempts WHERE attempts = 6"), 2);
    host
}

/// Nobody tells by the time of a refused sign-in whether an address has an account, a password, a confirmation; and the
/// same measurement sees one that is refused without that work.
pub fn th_16_a_sign_in_takes_as_long_whoever_it_is_for(binary: &str) {
    let host = host(binary);
    let (client, database, trials) = (host.client(), host.database(), Trials { least: LEAST, ..Trials::default() });
    for as_json in [true, false] {
        let run = |trials: Trials, pairs: &[_]| -> Vec<ToldApart<Attempt>> {
            trials.run(pairs, |attempt| time(&client, &database, as_json, attempt))
        };
        run(Trials { samples: 5, trials: 1, ..trials }, &MUST_BE_ALIKE);
        let once = Trials { samples: 100, trials: 1, ..trials };
        let seen = (0..5).any(|_| !run(once, &[(WrongPassword, Control)]).is_empty());
        assert!(seen, "what skips the work is quicker, and a measurement that never sees it says nothing");
        assert_eq!(run(trials, &MUST_BE_ALIKE), [], "as JSON: {as_json}");
    }
}
