//! Known devices, and the notice about new ones.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::net::IpAddr;
use std::sync::Arc;

use common::{ANN, NEW_PASSWORD, reset_link};
use sigra_core::audit::names;
use sigra_core::client::Place;
use sigra_core::mail::MailKind;
use sigra_core::ports::GeoIp;
use sigra_testing::audited::assert_audited;
use sigra_testing::scenario::{SignedIn, TestHost, client};

#[tokio::test]
async fn th_22_a_new_device_is_told_of_and_the_first_and_known_ones_are_not() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let first = host.signed_in(&ann).await;
    assert!(first.device.is_some());
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::NEW_DEVICE, ANN), 0, "the first");

    let known = first.returning(client(9));
    let again = host.signed_in_with(&ann, &known).await;
    assert!(again.device.is_none());
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::NEW_DEVICE, ANN), 0, "a known one, wherever it is");

    let new = host.signed_in(&ann).await;
    assert!(new.device.is_some());
    host.run_workers().await;
    let notice = host.mailer.last(&MailKind::NEW_DEVICE, &ann.email).unwrap();
    assert!(notice.text.contains("device: Firefox on Linux") && notice.text.contains("ip: 198.51.100.7"));
    let event = assert_audited(&host.store, names::NEW_DEVICE, |_| true).await;
    assert_eq!((event.subject, event.session), (Some(ann.id), Some(new.session.id)));
}

#[tokio::test]
async fn a_device_stays_known_for_180_days_after_its_last_sign_in() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let known = host.signed_in(&ann).await.returning(host.client());
    for _ in 0..2 {
        host.advance(180 * 86_400 - 1);
        assert!(host.signed_in_with(&ann, &known).await.device.is_none());
    }
    host.advance(180 * 86_400);
    assert!(host.signed_in_with(&ann, &known).await.device.is_some());
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::NEW_DEVICE, ANN), 1);
}

#[tokio::test]
async fn a_reset_forgets_devices() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let known = host.signed_in(&ann).await.returning(host.client());
    let link = reset_link(&host, ANN).await;
    let _ = host.sigra.reset().redeem(&link, NEW_PASSWORD, &host.client()).await.unwrap();
    let session = SignedIn::of(host.login_with(ANN, NEW_PASSWORD, &known).await);
    assert!(session.device.is_some());
    host.run_workers().await;
    assert_eq!(host.count_mailed(&MailKind::NEW_DEVICE, ANN), 1);
}

#[tokio::test]
async fn places_are_named_where_they_are_known() {
    struct Lisbon;
    impl GeoIp for Lisbon {
        fn place(&self, _: IpAddr) -> Option<Place> {
            Some(Place { city: Some("Lisbon".to_owned()), country: Some("PT".to_owned()) })
        }
    }
    let host = TestHost::builder().geo_ip(Arc::new(Lisbon)).build();
    let ann = host.confirmed(ANN).await;
    host.signed_in(&ann).await;
    let session = host.signed_in(&ann).await;
    assert_eq!(session.session.place.unwrap().to_string(), "Lisbon, PT");
    host.run_workers().await;
    assert!(host.mailer.last(&MailKind::NEW_DEVICE, &ann.email).unwrap().text.contains("place: Lisbon, PT"));
}

#[tokio::test]
async fn a_device_token_is_not_a_session() {
    let host = TestHost::new();
    let ann = host.confirmed(ANN).await;
    let session = host.signed_in(&ann).await;
    assert!(host.resolve(&session.device.unwrap().expose()).await.is_none());
}
