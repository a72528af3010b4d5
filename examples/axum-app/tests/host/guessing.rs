//! Guessing, racing and copying.

use std::thread;

use serde_json::json;

use crate::BINARY;
use crate::support::{Client, PASSWORD, Place, credentials, register, sign_in};

const EMAIL: &str = "ada@example.org";
const DEVICE: &str = "sigra_device";

/// As many wrong answers as one counter takes before it locks.
const EVALUATED_AT_MOST: i64 = 6;

/// Everybody tries at once. Answers the statuses.
fn sign_in_at_once(stranger: &Client, passwords: &[String]) -> Vec<u16> {
    thread::scope(|scope| {
        let tries: Vec<_> = passwords
            .iter()
            .map(|password| scope.spawn(|| sign_in(&mut stranger.clone(), EMAIL, password).status))
            .collect();
        tries.into_iter().map(|each| each.join().unwrap()).collect()
    })
}

fn failures(place: &Place, reason: &str) -> i64 {
    place
        .database()
        .number(&format!("SELECT COUNT(*) FROM sigra_audit_events WHERE outcome <> 'success' AND reason = '{reason}'"))
}

fn guesses(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("guess number {n} of many")).collect()
}

#[test]
fn a_burst_of_guesses_gets_few_answers_and_locks_nobody_out_of_their_own_browser() {
    let place = Place::new(BINARY);
    let host = place.start();
    register(&place, &host, EMAIL, PASSWORD);
    let mut owner = host.client();
    sign_in(&mut owner, EMAIL, PASSWORD).expect(200);
    assert!(owner.cookies.contains_key(DEVICE), "{owner:?}");

    let answers = sign_in_at_once(&host.client(), &guesses(40));
    assert_eq!(answers, [401; 40]);
    let (evaluated, refused) = (failures(&place, "invalid_password"), failures(&place, "locked"));
    assert!((1..=EVALUATED_AT_MOST).contains(&evaluated), "{evaluated}");
    assert_eq!(evaluated + refused, 40);

    sign_in(&mut host.client(), EMAIL, PASSWORD).expect_problem(401, "invalid_credentials");
    owner.cookies.retain(|name, _| name == DEVICE);
    sign_in(&mut owner, EMAIL, PASSWORD).expect(200);
    place.mail_to(EMAIL, "account_locked");
}

#[test]
fn the_right_password_among_many_guesses_opens_no_more_guesses_than_its_own() {
    let place = Place::new(BINARY);
    let host = place.start();
    register(&place, &host, EMAIL, PASSWORD);
    let mut passwords = guesses(39);
    passwords.insert(20, PASSWORD.to_owned());
    let answers = sign_in_at_once(&host.client(), &passwords);
    let evaluated = failures(&place, "invalid_password");
    let let_in = answers.iter().filter(|status| **status == 200).count();
    assert!(answers.iter().all(|status| [200, 401].contains(status)), "{answers:?}");
    if let_in == 0 {
        assert!(evaluated <= EVALUATED_AT_MOST, "{evaluated}");
        sign_in(&mut host.client(), EMAIL, PASSWORD).expect_problem(401, "invalid_credentials");
    } else {
        assert_eq!(answers[20], 200, "only the right one opens: {answers:?}");
        assert!(evaluated <= 2 * EVALUATED_AT_MOST, "signing in forgets failures once: {evaluated}");
    }
}

#[test]
fn of_rival_registrations_only_the_confirmed_one_counts() {
    let place = Place::new(BINARY);
    let host = place.start();
    let rival = |n: usize| format!("{PASSWORD} of rival {n}");
    let submit_at_once = |rivals: std::ops::Range<usize>| {
        thread::scope(|scope| {
            for n in rivals {
                let mut client = host.client();
                scope.spawn(move || client.post("/auth/api/v1/register", &credentials(EMAIL, &rival(n))).expect(202));
            }
        });
    };
    submit_at_once(0..8);
    let before: Vec<_> = place.mails_to(EMAIL, "confirm_email", 8).into_iter().map(|mail| mail.path).collect();
    submit_at_once(8..9);
    let mut mails = place.mails_to(EMAIL, "confirm_email", 9);
    mails.retain(|mail| !before.contains(&mail.path));
    let [chosen] = mails.as_slice() else { panic!("one mail a submission: {mails:?}") };
    submit_at_once(9..16);
    let all = place.mails_to(EMAIL, "confirm_email", 16);
    assert_eq!(all.len(), 16);

    host.client().post("/auth/api/v1/confirm", &json!({"token": chosen.token()})).expect(200);

    let mut owner = host.client();
    for n in (0..16).filter(|n| *n != 8) {
        sign_in(&mut owner, EMAIL, &rival(n)).expect_problem(401, "invalid_credentials");
        // Keeps the account open, so that it is the password that is refused.
        sign_in(&mut owner, EMAIL, &rival(8)).expect(200);
    }
    assert_eq!((failures(&place, "invalid_password"), failures(&place, "locked")), (15, 0));
    for mail in all.iter().filter(|mail| mail.path != chosen.path) {
        let token = json!({"token": mail.token()});
        host.client().post("/auth/api/v1/confirm", &token).expect_problem(400, "invalid_token");
    }
    assert_eq!(place.database().number("SELECT COUNT(*) FROM sigra_users"), 1);
}

#[test]
fn a_copied_device_cookie_opens_nothing() {
    let place = Place::new(BINARY);
    let host = place.start();
    register(&place, &host, EMAIL, PASSWORD);
    let mut owner = host.client();
    sign_in(&mut owner, EMAIL, PASSWORD).expect(200);
    let device = owner.cookies[DEVICE].clone();
    let mut thief = host.client();
    thief.cookies.insert(DEVICE.to_owned(), device.clone());
    thief.get("/me").expect_problem(401, "unauthenticated");
    thief.get("/auth/api/v1/sessions").expect_problem(401, "unauthenticated");
    sign_in(&mut thief, EMAIL, "something else entirely").expect_problem(401, "invalid_credentials");
    thief.cookies.insert(String::from("sigra_session"), device);
    thief.get("/me").expect_problem(401, "unauthenticated");
    owner.get("/me").expect(200);
}
