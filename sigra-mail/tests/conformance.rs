//! The published suite of the port this crate implements.

use sigra_mail::{Links, Templates};
use sigra_testing::suites;

#[test]
fn the_templates_keep_the_composers_contract() {
    let links = Links::mounted_at("https://app.example/auth");
    suites::composer::all(&Templates::builder("Example", links).build().unwrap());
}

/// A worker starts no mail in the second half of its lease, so a transport that gives up within half of it never sends
/// under a lease that has lapsed.
#[cfg(feature = "smtp")]
#[test]
fn smtp_gives_up_while_the_lease_still_holds() {
    let lease = sigra_core::config::Config::default().mail.lease_secs.span();
    assert!(sigra_mail::SmtpMailer::TIMEOUT <= lease / 2);
}
