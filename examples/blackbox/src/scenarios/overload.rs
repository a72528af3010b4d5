//! More work than the host can do.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::json;

use crate::kit::{Engine, Launch, PASSWORD, UNLIMITED};

const EMAIL: &str = "ada@example.com";
const AT_ONCE: usize = 400;

/// Sign-ins far beyond the hashing queue get their answer or 503 with a time to come back, and the rest of the host goes
/// on answering.
pub fn logins_beyond_the_queue_are_refused_politely(binary: &str, engine: Engine) {
    let host = Launch::new(binary).on(engine).env(&[UNLIMITED]).start();
    host.account(EMAIL);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let health = scope.spawn(|| {
            let mut answers = 0;
            while !done.load(Ordering::Relaxed) {
                host.client().get("/healthz").expect(200);
                answers += 1;
            }
            answers
        });
        let logins: Vec<_> = (0..AT_ONCE)
            .map(|n| {
                let host = &host;
                scope.spawn(move || {
                    let email = if n % 8 == 0 { EMAIL.to_owned() } else { format!("user{n}@example.com") };
                    host.client().api("/login", &json!({ "email": email, "password": PASSWORD }))
                })
            })
            .collect();
        let answers: Vec<_> = logins.into_iter().map(|login| login.join()).collect();
        // Before anything can fail, or the other thread never ends.
        done.store(true, Ordering::Relaxed);
        assert!(health.join().unwrap() > 0, "the health check answered meanwhile");
        let (mut decided, mut refused) = (0, 0);
        for answer in answers {
            let answer = answer.unwrap();
            match answer.status {
                200 | 401 => decided += 1,
                503 => {
                    let after: u32 = answer.header("retry-after").unwrap().parse().unwrap();
                    assert!(after >= 1);
                    answer.problem(503, "overloaded");
                    refused += 1;
                }
                _ => panic!("{answer:?}"),
            }
        }
        assert!(decided >= 64, "{decided} were decided, {refused} refused");
    });
    host.signed_in(EMAIL, PASSWORD);
}
