//! What an attacker tries.

use std::thread;

use serde_json::json;

use crate::kit::{CHEAP, Client, Host, Launch, OTHER_PASSWORD, PASSWORD, UNLIMITED};

const EMAIL: &str = "ada@example.com";

fn login(client: &Client, password: &str) -> u16 {
    client.api("/login", &json!({ "email": EMAIL, "password": password })).status
}

/// Many at once, each from a client of its own. Answers the statuses in order.
fn at_once(host: &Host, passwords: &[&str]) -> Vec<u16> {
    thread::scope(|scope| {
        let guesses: Vec<_> =
            passwords.iter().map(|password| scope.spawn(move || login(&host.client(), password))).collect();
        guesses.into_iter().map(|guess| guess.join().unwrap()).collect()
    })
}

/// Forty guesses at once are counted one by one: only so many are looked at as the lock leaves free.
pub fn th_01_parallel_guesses_are_all_counted(binary: &str) {
    let host = Launch::new(binary).env(&[CHEAP, UNLIMITED]).start();
    host.account(EMAIL);
    let statuses = at_once(&host, &["not the password at all"; 40]);
    assert!(statuses.iter().all(|status| *status == 401), "{statuses:?}");
    let counted = host.database().number("SELECT max(attempts) FROM sigra_attempts");
    assert_eq!(counted, 6, "five free ones, and the one that locks");
    assert_eq!(login(&host.client(), PASSWORD), 401, "locked, which looks like any other failure");
    host.mailbox.first(EMAIL, "account_locked");
    host.clock.advance(61);
    assert_eq!(login(&host.client(), PASSWORD), 200, "the lock has lapsed");
    assert_eq!(login(&host.client(), "not the password at all"), 401);
    let counted = host.database().number("SELECT max(attempts) FROM sigra_attempts");
    assert_eq!(counted, 1, "the sign-in has cleared what was counted before it");
}

/// With the account locked, the right password among many guesses is not looked at; when the lock lapses, one guess is.
pub fn the_right_password_does_not_slip_past_a_lock(binary: &str) {
    let host = Launch::new(binary).env(&[CHEAP, UNLIMITED]).start();
    host.account(EMAIL);
    for _ in 0..6 {
        assert_eq!(login(&host.client(), "not the password at all"), 401);
    }
    let mut guesses = ["not the password at all"; 24];
    guesses[17] = PASSWORD;
    assert!(at_once(&host, &guesses).iter().all(|status| *status == 401));
    assert_eq!(host.database().number("SELECT max(attempts) FROM sigra_attempts"), 6, "a locked guess counts nothing");
    host.clock.advance(61);
    let wrong = ["not the password at all"; 24];
    assert!(at_once(&host, &wrong).iter().all(|status| *status == 401));
    assert_eq!(host.database().number("SELECT max(attempts) FROM sigra_attempts"), 7, "one guess for one lapsed lock");
    assert_eq!(login(&host.client(), PASSWORD), 401, "locked again, for longer");
    host.clock.advance(121);
    assert_eq!(login(&host.client(), PASSWORD), 200);
}

/// Rivals for an address: who holds the mailbox chooses one submission, and the others are gone.
pub fn rivals_for_one_address(binary: &str) {
    let host = Launch::new(binary).env(&[CHEAP, UNLIMITED]).start();
    let passwords: Vec<_> = (0..16).map(|n| format!("unrelated moons number {n} orbit")).collect();
    let register = |password: &String| {
        host.client().api("/register", &json!({ "email": EMAIL, "password": password })).expect(202);
    };
    thread::scope(|scope| passwords.iter().for_each(|password| _ = scope.spawn(|| register(password))));
    host.mailbox.nth(16, EMAIL, "confirm_email");
    let mails = host.mailbox.of(EMAIL, "confirm_email");
    assert_eq!(mails.len(), 16, "one mail a submission");
    let confirm = |token: String| host.client().api("/confirm", &json!({ "token": token })).status;
    let statuses: Vec<_> = thread::scope(|scope| {
        let all: Vec<_> = mails.iter().map(|mail| scope.spawn(|| confirm(mail.token()))).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 400].contains(status)), "{statuses:?}");
    assert_eq!(host.database().number("SELECT count(*) FROM sigra_users"), 1);
    assert_eq!(host.database().number("SELECT count(*) FROM sigra_registrations"), 0);
    let work = passwords.iter().filter(|password| {
        host.clock.advance(3_601);
        login(&host.client(), password) == 200
    });
    assert_eq!(work.count(), 1, "one submission's password, and no other");
    for mail in &mails {
        assert_eq!(confirm(mail.token()), 400);
    }
    register(&passwords[0]);
    host.mailbox.first(EMAIL, "already_registered");
    assert_eq!(host.mailbox.of(EMAIL, "confirm_email").len(), 16);
}

/// The cookie that makes a device known opens nothing by itself.
pub fn a_copied_device_cookie_gives_no_access(binary: &str) {
    let host = Launch::new(binary).env(&[CHEAP, UNLIMITED]).start();
    host.account(EMAIL);
    let device = host.signed_in(EMAIL, PASSWORD).cookie("sigra_device").unwrap();
    for name in ["sigra_device", "sigra_session", "sigra_pending"] {
        let thief = host.client().with_cookie(name, &device);
        thief.get("/me").problem(401, "unauthenticated");
        thief.get("/auth/settings/sessions").leads_to("/auth/login?return_to=/auth/settings/sessions");
        thief.api("/sudo", &json!({ "password": PASSWORD })).problem(401, "unauthenticated");
        thief.get("/auth/api/v1/sessions").problem(401, "unauthenticated");
    }
    let thief = host.client().with_cookie("sigra_device", &device);
    for _ in 0..6 {
        assert_eq!(login(&thief, "not the password at all"), 401);
    }
    assert_eq!(login(&thief, PASSWORD), 401, "its lane has a lock of its own");
    assert_eq!(login(&host.client(), PASSWORD), 200, "which does not lock others out");
}

/// Too many requests of one network are refused there, and nowhere else.
pub fn a_flood_stays_in_its_network(binary: &str) {
    let host = Launch::new(binary).env(&[CHEAP, ("SIGRA_TRUSTED_PROXIES", "127.0.0.1/32,::1")]).start();
    host.account(EMAIL);
    let from = |address: &str| host.client().with_header("x-forwarded-for", address);
    let answers: Vec<_> = (0..60)
        .map(|n| {
            let body = json!({ "email": format!("user{n}@example.com"), "password": PASSWORD });
            from("198.51.100.7").api("/login", &body)
        })
        .collect();
    let refused: Vec<_> = answers.into_iter().filter(|answer| answer.status == 429).collect();
    assert!(refused.len() >= 20, "{} refused", refused.len());
    for answer in refused {
        assert!(answer.header("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
        answer.problem(429, "rate_limited");
    }
    let form = from("198.51.100.7").form("/auth/login", &[("email", EMAIL), ("password", PASSWORD)]).expect(429);
    assert!(form.header("retry-after").is_some() && form.header("content-type").unwrap().starts_with("text/html"));
    assert_eq!(login(&from("203.0.113.9"), PASSWORD), 200, "another network is served");
    assert_eq!(login(&from("198.51.100.7, 203.0.113.9"), PASSWORD), 200, "what a client claims is on the left");
    assert_eq!(login(&from("203.0.113.9, 198.51.100.7"), PASSWORD), 429);
    from("198.51.100.7").get("/auth/login").expect(200);
    let client = from("2001:db8::1");
    assert_eq!(login(&client, PASSWORD), 200);
    let sessions = client.get("/auth/api/v1/sessions").expect(200).json();
    let current = sessions["sessions"].as_array().unwrap().iter().find(|session| session["current"] == true).unwrap();
    assert_eq!(current["ip"], "2001:db8::1");
    host.clock.advance(61);
    assert_eq!(login(&from("198.51.100.7"), PASSWORD), 200, "the window is over");
}

/// Forwarding headers of anybody else change nothing.
pub fn forwarding_headers_of_strangers_are_ignored(binary: &str) {
    let host = Launch::new(binary).env(&[CHEAP]).start();
    let statuses: Vec<_> = (0..60)
        .map(|n| {
            let client = host.client().with_header("x-forwarded-for", &format!("198.51.100.{n}"));
            client.api("/login", &json!({ "email": format!("user{n}@example.com"), "password": PASSWORD })).status
        })
        .collect();
    assert!(statuses.contains(&429), "{statuses:?}");
}

/// Lifting the rate limits lifts neither the lockout nor the tries of a code.
pub fn lockout_stays_when_limits_are_off(binary: &str) {
    let host = Launch::new(binary).env(&[CHEAP, UNLIMITED]).start();
    let client = host.client();
    client.api("/register", &json!({ "email": EMAIL, "password": PASSWORD })).expect(202);
    let mail = host.mailbox.first(EMAIL, "confirm_email");
    let wrong = if mail.code() == "000000" { "000001" } else { "000000" };
    for _ in 0..5 {
        client.api("/confirm", &json!({ "email": EMAIL, "code": wrong })).problem(400, "invalid_code");
    }
    client.api("/confirm", &json!({ "email": EMAIL, "code": mail.code() })).problem(400, "invalid_code");
    client.api("/confirm", &json!({ "token": mail.token() })).expect(200);
    for n in 0..70 {
        let status = client.api("/login", &json!({ "email": "nobody@example.com", "password": PASSWORD })).status;
        assert_eq!(status, 401, "login {n}: no rate limit");
    }
    for _ in 0..6 {
        assert_eq!(login(&client, OTHER_PASSWORD), 401);
    }
    assert_eq!(login(&client, PASSWORD), 401, "locked all the same");
    // Proof of the mailbox opens the account again.
    client.api("/magic-link", &json!({ "email": EMAIL })).expect(202);
    let token = host.mailbox.first(EMAIL, "magic_link").token();
    client.api("/magic-link/redeem", &json!({ "token": token })).expect(200);
    assert_eq!(login(&host.client(), PASSWORD), 200);
}
