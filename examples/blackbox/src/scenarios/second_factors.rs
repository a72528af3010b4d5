//! Second factors over the wire, with codes of another implementation.

use std::process::Command;

use serde_json::{Value, json};

use crate::kit::{CHEAP, Client, Host, Launch, PASSWORD};

const EMAIL: &str = "ada@example.com";

/// Set up, shown, used twice in vain, replaced by a backup code, turned off: with codes of `oathtool`, which shares nothing
/// with this project.
pub fn mf_01_codes_of_another_implementation(binary: &str) {
    if !has_oathtool("mf_01_codes_of_another_implementation") {
        return;
    }
    let host = Launch::new(binary).env(&[CHEAP]).start();
    host.account(EMAIL);
    let client = host.signed_in(EMAIL, PASSWORD);
    let setup = client.api("/mfa/totp", &json!({})).expect(200).json();
    let secret = setup["secret"].as_str().unwrap().to_owned();
    let codes = client.api("/mfa/totp/confirm", &json!({ "code": code(&secret) })).expect(200).json();
    assert_eq!(codes["backup_codes"].as_array().unwrap().len(), 10);
    host.mailbox.first(EMAIL, "mfa_enabled");

    let fresh = challenged(&host);
    fresh.api("/mfa", &json!({ "method": "totp", "code": "000000" })).expect(400);
    // The code that set it up is used up, so the next one is due.
    host.clock.advance(30);
    let next = code_in(&secret, 30);
    let session = fresh.api("/mfa", &json!({ "method": "totp", "code": next })).expect(200).json();
    assert_eq!(
        (&session["session"]["aal"], &session["session"]["methods"]),
        (&json!(2), &json!(["pwd", "otp", "mfa"]))
    );
    let again = challenged(&host);
    again.api("/mfa", &json!({ "method": "totp", "code": next })).expect(400);
    let backup = codes["backup_codes"][0].as_str().unwrap();
    again.api("/mfa", &json!({ "method": "backup_code", "code": backup })).expect(200);
    assert!(host.mailbox.first(EMAIL, "backup_code_used").text.contains('9'), "how many are left");

    host.clock.advance(30);
    let off = json!({ "method": "totp", "code": code_in(&secret, 60) });
    fresh.api("/mfa/disable", &off).expect(204);
    assert_eq!(host.client().api("/login", &credentials()).expect(200).json()["status"], "authenticated");
}

/// Sixteen browsers show one code, and one backup code, at once: one of each is let in.
pub fn mf_03_mf_17_one_of_sixteen(binary: &str) {
    if !has_oathtool("mf_03_mf_17_one_of_sixteen") {
        return;
    }
    let host = Launch::new(binary).env(&[CHEAP, ("SIGRA_RATE_LIMIT", "off")]).start();
    host.account(EMAIL);
    let client = host.signed_in(EMAIL, PASSWORD);
    let setup = client.api("/mfa/totp", &json!({})).expect(200).json();
    let secret = setup["secret"].as_str().unwrap().to_owned();
    let codes = client.api("/mfa/totp/confirm", &json!({ "code": code(&secret) })).expect(200).json();
    host.clock.advance(30);
    let shown = [
        json!({ "method": "totp", "code": code_in(&secret, 30) }),
        json!({ "method": "backup_code", "code": codes["backup_codes"][0] }),
    ];
    for answer in shown {
        let browsers: Vec<Client> = (0..16).map(|_| challenged(&host)).collect();
        let admitted = std::thread::scope(|scope| {
            let tries: Vec<_> =
                browsers.iter().map(|browser| scope.spawn(|| browser.api("/mfa", &answer).status)).collect();
            tries.into_iter().map(|one| one.join().unwrap()).filter(|status| *status == 200).count()
        });
        assert_eq!(admitted, 1, "{answer}");
        // The fifteen others count as wrong, and lock; a success that came after some of them has cleared those.
        host.clock.advance(3_600);
    }
}

/// A client that has given its password and owes the second factor.
fn challenged(host: &Host) -> Client {
    let client = host.client();
    let answer = client.api("/login", &credentials()).expect(200).json();
    assert_eq!(answer["steps"], json!(["mfa"]), "{answer}");
    client
}

fn credentials() -> Value {
    json!({ "email": EMAIL, "password": PASSWORD })
}

/// The code of the host's present, whose clock was not moved.
fn code(secret: &str) -> String {
    code_in(secret, 0)
}

/// The code of so many seconds later than this machine's clock says.
fn code_in(secret: &str, secs: u32) -> String {
    let at = format!("now + {secs} seconds");
    let made = Command::new("oathtool").args(["--totp", "--base32", "--now", &at, secret]).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    String::from_utf8(made.stdout).unwrap().trim().to_owned()
}

/// Without `oathtool` the scenario is skipped, and says so, unless `SIGRA_TEST_BROWSER` is `required`: what is there when
/// browsers are.
fn has_oathtool(scenario: &str) -> bool {
    let found = Command::new("oathtool").arg("--version").output().is_ok();
    if !found {
        let required = std::env::var("SIGRA_TEST_BROWSER").is_ok_and(|value| value == "required");
        assert!(!required, "{scenario}: oathtool cannot be started");
        let line = format!("SKIPPED: scenario {scenario}: there is no oathtool\n");
        std::io::Write::write_all(&mut std::io::stderr().lock(), line.as_bytes()).unwrap();
    }
    found
}
