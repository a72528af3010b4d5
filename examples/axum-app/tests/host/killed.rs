//! Power failures: what was answered is kept, and what is owed comes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::mpsc;
use std::thread;

use serde_json::{Value, json};

use crate::BINARY;
use crate::support::{Client, Host, PASSWORD, Place, credentials, register, sign_in, wait_for};

/// Longer than work stays leased to a host that is gone.
const LEASE_SECS: u32 = 130;

/// When to kill.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// After so many good answers.
    Answers(usize),
    /// When so many mails were written, of those the burst brings.
    Mails(usize),
}

/// Posts all bodies at once and kills the host at a moment. Answers the places of those that were answered well.
fn killed_amid(place: &Place, host: Host, moment: Moment, path: &str, good: u16, bodies: &[Value]) -> BTreeSet<usize> {
    let mails_before = place.mails().len();
    let (sender, answers) = mpsc::channel();
    thread::scope(|scope| {
        for (index, body) in bodies.iter().enumerate() {
            let (sender, mut client) = (sender.clone(), host.client());
            scope.spawn(move || {
                let status = client.try_post(path, body).map(|answer| answer.status);
                sender.send((index, status)).unwrap();
            });
        }
        drop(sender);
        let mut accepted = BTreeSet::new();
        let mut note = |(index, status): (usize, std::io::Result<u16>)| {
            if let Ok(status) = status {
                assert_eq!(status, good, "of {index}");
                accepted.insert(index);
            }
            accepted.len()
        };
        match moment {
            Moment::Answers(count) => while note(answers.recv().unwrap()) < count {},
            Moment::Mails(count) => {
                wait_for("the first mails", || (place.mails().len() >= mails_before + count).then_some(()));
            }
        }
        host.kill();
        answers.into_iter().for_each(|answer| _ = note(answer));
        accepted
    })
}

/// Starts the host again after the leases of the last one lapsed, and waits until it owes nothing.
fn recovered(place: &Place, round: u32) -> Host {
    place.move_clock(LEASE_SECS * round);
    let host = place.start();
    let database = place.database();
    let owed = "SELECT (SELECT COUNT(*) FROM sigra_requests)
        + (SELECT COUNT(*) FROM sigra_outbox WHERE due_at IS NOT NULL)";
    wait_for("the host to owe nothing", || (database.number(owed) == 0).then_some(()));
    host
}

fn confirm(client: &mut Client, token: &str) -> u16 {
    client.post("/auth/api/v1/confirm", &json!({"token": token})).status
}

#[test]
fn every_accepted_registration_has_its_one_mail() {
    let place = Place::new(BINARY).with_clock();
    let mut host = place.start();
    let mut submitted = BTreeSet::new();
    let mut accepted = BTreeSet::new();
    let moments = [Moment::Answers(5), Moment::Answers(20), Moment::Mails(7), Moment::Answers(45), Moment::Mails(33)];
    for (round, moment) in (1..).zip(moments) {
        let emails: Vec<_> = (0..60).map(|n| format!("r{round}n{n}@example.org")).collect();
        let bodies: Vec<_> = emails.iter().map(|email| credentials(email, PASSWORD)).collect();
        let answered = killed_amid(&place, host, moment, "/auth/api/v1/register", 202, &bodies);
        accepted.extend(answered.into_iter().map(|index| emails[index].clone()));
        submitted.extend(emails);
        host = recovered(&place, round);

        let mut mails = BTreeMap::<String, u32>::new();
        for mail in place.mails() {
            assert_eq!(mail.kind, "confirm_email", "{mail:?}");
            *mails.entry(mail.to).or_default() += 1;
        }
        assert!(mails.values().all(|count| *count == 1), "after {moment:?}: {mails:?}");
        let mailed: BTreeSet<_> = mails.into_keys().collect();
        assert!(mailed.is_superset(&accepted), "lost after {moment:?}: {:?}", accepted.difference(&mailed));
        assert!(mailed.is_subset(&submitted), "from nowhere: {:?}", mailed.difference(&submitted));
        let stored = place.database().texts("SELECT email FROM sigra_registrations ORDER BY id");
        assert_eq!(stored.len(), mailed.len(), "one row a submission");
        assert_eq!(stored.into_iter().collect::<BTreeSet<_>>(), mailed, "after {moment:?}");
    }

    let email = accepted.iter().find(|email| email.starts_with("r1n")).unwrap();
    let mut client = host.client();
    assert_eq!(confirm(&mut client, &place.mail_to(email, "confirm_email").token()), 200);
    sign_in(&mut client, email, PASSWORD).expect(200);
}

#[test]
fn every_confirmation_that_was_answered_holds() {
    let place = Place::new(BINARY).with_clock();
    let mut host = place.start();
    for (round, count) in (1..).zip([1, 9, 21]) {
        let emails: Vec<_> = (0..30).map(|n| format!("r{round}n{n}@example.org")).collect();
        for email in &emails {
            host.client().post("/auth/api/v1/register", &credentials(email, PASSWORD)).expect(202);
        }
        let tokens: Vec<_> = emails.iter().map(|email| place.mail_to(email, "confirm_email").token()).collect();
        let bodies: Vec<_> = tokens.iter().map(|token| json!({"token": token})).collect();
        let path = "/auth/api/v1/confirm";
        let answered = killed_amid(&place, host, Moment::Answers(count), path, 200, &bodies);
        host = recovered(&place, round);

        for (index, (email, token)) in emails.iter().zip(&tokens).enumerate() {
            let mut client = host.client();
            // Whoever was not answered is either confirmed all the same or can do it again.
            if !answered.contains(&index) && sign_in(&mut client, email, PASSWORD).status != 200 {
                assert_eq!(confirm(&mut client, token), 200, "{email} is neither confirmed nor able to");
            }
            sign_in(&mut client, email, PASSWORD).expect(200);
            assert_eq!(confirm(&mut client, token), 400, "a link works once");
        }
        let count = |table: &str| place.database().number(&format!("SELECT COUNT(*) FROM {table}"));
        assert_eq!((count("sigra_users"), count("sigra_registrations")), (30 * i64::from(round), 0));
    }
}

#[test]
fn a_first_start_that_was_cut_short_leaves_nothing_in_the_way() {
    for (file, size) in
        [("secret.key", 1), ("sigra.db", 0), ("sigra.db-wal", 1), ("sigra.db-wal", 50_000), ("sigra.db-wal", 200_000)]
    {
        let place = Place::new(BINARY);
        let path = place.data_dir().join(file);
        place.start_and_kill(|| fs::metadata(&path).is_ok_and(|file| file.len() >= size));
        let host = place.start();
        register(&place, &host, "ada@example.org", PASSWORD);
        sign_in(&mut host.client(), "ada@example.org", PASSWORD).expect(200);
    }
}
