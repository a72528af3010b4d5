//! The host is killed in the middle of its work, again and again, and loses nothing it answered for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::kit::{CHEAP, Engine, Host, Launch, OTHER_PASSWORD, PASSWORD, UNLIMITED, eventually};

const ROUNDS: usize = 4;
const AT_ONCE: usize = 60;

/// Every registration that was answered gets its mail, none gets one that was not submitted, and a mail that is sent
/// again keeps its id.
pub fn kills_during_registrations(binary: &str, engine: Engine) {
    let mut host = Launch::new(binary).on(engine).env(&[CHEAP, UNLIMITED]).start();
    let mut submitted = BTreeSet::new();
    let mut answered = BTreeSet::new();
    for round in 0..ROUNDS {
        let emails: Vec<_> = (0..AT_ONCE).map(|n| format!("user-{round}-{n}@example.com")).collect();
        submitted.extend(emails.iter().cloned());
        let requests = emails.iter().map(|email| ("/register", json!({ "email": email, "password": PASSWORD })));
        let answers = burst(&mut host, requests.collect(), moment(round, AT_ONCE));
        answered.extend(emails.into_iter().zip(answers).filter(|(_, status)| *status == Some(202)).map(|(to, _)| to));
        let before: BTreeMap<_, _> =
            host.mailbox.all().into_iter().map(|mail| (mail.file, (mail.message_id, mail.text))).collect();
        host.recover();

        let mails = host.mailbox.all();
        let recipients: BTreeSet<_> = mails.iter().map(|mail| mail.to.clone()).collect();
        let ids: BTreeSet<_> = mails.iter().map(|mail| mail.message_id.clone()).collect();
        assert_eq!(ids.len(), mails.len(), "every mail has an id of its own");
        let missing: Vec<_> = answered.difference(&recipients).collect();
        assert!(missing.is_empty(), "round {round}: answered, but without mail: {missing:?}");
        assert!(recipients.is_subset(&submitted), "round {round}: mail that nobody asked for");
        for mail in &mails {
            assert_eq!(mail.kind, "confirm_email");
            if let Some((id, text)) = before.get(&mail.file) {
                assert_eq!((id, text), (&mail.message_id, &mail.text), "a mail sent again is the same");
            }
        }
        let kept: BTreeSet<_> = host.database().texts("SELECT email FROM sigra_registrations").into_iter().collect();
        assert_eq!(kept, recipients, "round {round}: a registration and its mail are there together or not at all");
        assert_eq!(mails.len(), recipients.len(), "round {round}: one mail for one registration");
    }
    assert!(answered.len() < submitted.len(), "the kills came too late to cut anything off");
    // What survived is whole: its link makes an account.
    let email = answered.first().expect("some registration was answered").clone();
    let token = host.mailbox.first(&email, "confirm_email").token();
    host.client().api("/confirm", &json!({ "token": token })).expect(200);
    host.signed_in(&email, PASSWORD);
}

/// A confirmation that was answered is an account; one that was not is an account or can still be made.
pub fn kills_during_confirmations(binary: &str, engine: Engine) {
    let mut host = Launch::new(binary).on(engine).env(&[CHEAP, UNLIMITED]).start();
    for round in 0..ROUNDS {
        let tokens: Vec<_> = registered(&host, round);
        let requests = tokens.iter().map(|(_, token)| ("/confirm", json!({ "token": token })));
        let answers = burst(&mut host, requests.collect(), moment(round, tokens.len()));
        host.recover();
        let database = host.database();
        let both =
            "SELECT count(*) FROM sigra_users u JOIN sigra_registrations r ON r.email_identity = u.email_identity";
        assert_eq!(database.number(both), 0, "round {round}: an account's registrations are gone");
        let accounts: BTreeSet<_> = database.texts("SELECT email FROM sigra_users").into_iter().collect();
        for ((email, token), answer) in tokens.iter().zip(answers) {
            let again = host.client().api("/confirm", &json!({ "token": token }));
            match (answer, accounts.contains(email)) {
                (Some(200), made) => assert!(made, "round {round}: {email} was told it is confirmed"),
                (None, _) => {}
                (Some(status), _) => panic!("round {round}: {status}"),
            }
            assert_eq!(again.status, if accounts.contains(email) { 400 } else { 200 }, "round {round}: {email}");
            host.signed_in(email, PASSWORD);
        }
        let confirmed = database.number("SELECT count(*) FROM sigra_audit_events WHERE name LIKE '%confirm%'");
        let users = database.number("SELECT count(*) FROM sigra_users");
        assert!(confirmed >= users, "every account has its event in the trail: {confirmed} of {users}");
    }
}

/// A reset that was answered holds; one that was not is done whole or not at all.
pub fn kills_during_resets(binary: &str, engine: Engine) {
    let mut host = Launch::new(binary).on(engine).env(&[CHEAP, UNLIMITED]).start();
    for round in 0..ROUNDS {
        let emails: Vec<_> = registered(&host, round)
            .into_iter()
            .map(|(email, token)| {
                host.client().api("/confirm", &json!({ "token": token })).expect(200);
                email
            })
            .collect();
        let accounts: Vec<_> = emails
            .into_iter()
            .map(|email| {
                let session = host.signed_in(&email, PASSWORD).cookie("sigra_session").unwrap();
                host.client().api("/password-reset", &json!({ "email": email })).expect(202);
                (email, session)
            })
            .collect();
        let tokens: Vec<_> =
            accounts.iter().map(|(email, _)| host.mailbox.first(email, "reset_password").token()).collect();
        let requests = tokens
            .iter()
            .map(|token| ("/password-reset/redeem", json!({ "token": token, "password": OTHER_PASSWORD })));
        let answers = burst(&mut host, requests.collect(), moment(round, tokens.len()));
        host.recover();
        for (((email, session), token), answer) in accounts.iter().zip(&tokens).zip(answers) {
            let login =
                |password| host.client().api("/login", &json!({ "email": email, "password": password })).status == 200;
            let alive = host.client().with_cookie("sigra_session", session).get("/me").status == 200;
            let (old, new) = (login(PASSWORD), login(OTHER_PASSWORD));
            assert!(old != new, "round {round}: {email} has one password");
            assert_eq!(alive, old, "round {round}: {email}: the old session lives as long as the old password");
            assert!(
                answer.is_none_or(|status| status == 204) && (answer.is_none() || new),
                "round {round}: {answer:?}"
            );
            let redeem = json!({ "token": token, "password": OTHER_PASSWORD });
            let again = host.client().api("/password-reset/redeem", &redeem).status;
            assert_eq!(
                again,
                if new { 400 } else { 204 },
                "round {round}: {email}: the link is used up with the reset"
            );
            host.mailbox.first(email, "password_changed");
        }
    }
}

/// Twelve registrations with the tokens mailed for them.
fn registered(host: &Host, round: usize) -> Vec<(String, String)> {
    let emails: Vec<_> = (0..12).map(|n| format!("user-{round}-{n}@example.com")).collect();
    for email in &emails {
        host.client().api("/register", &json!({ "email": email, "password": PASSWORD })).expect(202);
    }
    emails
        .into_iter()
        .map(|email| {
            let token = host.mailbox.first(&email, "confirm_email").token();
            (email, token)
        })
        .collect()
}

/// How many answers there are before the kill; spread over the rounds.
fn moment(round: usize, requests: usize) -> usize {
    requests * round / ROUNDS
}

/// Sends all requests at once and kills the host when so many were answered. Answers the status of each that was.
fn burst(host: &mut Host, requests: Vec<(&str, Value)>, answers_before: usize) -> Vec<Option<u16>> {
    let answered = AtomicUsize::new(0);
    let (address, origin) = (host.address(), host.origin().to_owned());
    thread::scope(|scope| {
        let sent: Vec<_> = requests
            .into_iter()
            .map(|(path, body)| {
                let (answered, origin) = (&answered, &origin);
                scope.spawn(move || {
                    let answer = crate::kit::Client::new(address, origin).try_api(path, &body);
                    answered.fetch_add(1, Ordering::Relaxed);
                    answer.ok().map(|response| response.status)
                })
            })
            .collect();
        eventually("enough answers", || (answered.load(Ordering::Relaxed) >= answers_before).then_some(()));
        // Not at the same point of the work every time.
        let jitter = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().subsec_nanos() % 20;
        thread::sleep(Duration::from_millis(jitter.into()));
        host.kill();
        sent.into_iter().map(|request| request.join().unwrap()).collect()
    })
}
