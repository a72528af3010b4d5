//! [`DeviceStore`](sigra_core::ports::DeviceStore).

use sigra_core::evidence::Evidence;
use sigra_core::id::DeviceId;
use sigra_core::ports::{SignIn, SignInDevice};
use sigra_core::session::Device;

use super::Backend;
use super::support::*;

suite! {
    a_device_is_found_until_it_expires,
}

/// A device is found by its own digest alone, and not at or after the microsecond it expires.
pub async fn a_device_is_found_until_it_expires(backend: &Backend) {
    let user = account(backend).await;
    let (at, digest) = (now(), digest());
    let expires_at = at + HOUR;
    let device = Device { id: DeviceId::new(at), user: user.id, created_at: at, last_seen_at: at, expires_at };
    let device_row = SignInDevice::New { digest, device: device.clone() };
    let sign_in = SignIn { user: user.id, epochs: user.epochs, at, clears_attempts: true, device: device_row };
    backend.stores.accounts.record_sign_in(&sign_in, &|_| Evidence::none()).await.unwrap().unwrap();

    let devices = &backend.stores.devices;
    assert_eq!(devices.find(digest, expires_at - TICK).await.unwrap(), Some(device));
    assert_eq!(devices.find(digest, expires_at).await.unwrap(), None);
    assert_eq!(devices.find(super::support::digest(), at).await.unwrap(), None);
}
