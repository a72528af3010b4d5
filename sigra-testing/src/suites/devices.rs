//! [`DeviceStore`](sigra_core::ports::DeviceStore).

use sigra_core::evidence::Evidence;
use sigra_core::id::{DeviceId, UserId};
use sigra_core::ports::{SignIn, SignInDevice};
use sigra_core::session::Device;

use super::Backend;
use super::support::*;

suite! {
    a_device_is_found_until_it_expires,
    an_account_lists_its_own_devices,
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

/// Last seen first, without those that have expired, and without anybody else's.
pub async fn an_account_lists_its_own_devices(backend: &Backend) {
    let (one, other) = (account(backend).await, account(backend).await);
    let at = now();
    let mut own = Vec::new();
    for (user, step) in [(&one, 0), (&other, 1), (&one, 2), (&one, 3)] {
        let seen = at + step * MINUTE;
        let device = Device {
            id: DeviceId::new(seen),
            user: user.id,
            created_at: seen,
            last_seen_at: seen,
            expires_at: at + (10 - step) * HOUR,
        };
        let device_row = SignInDevice::New { digest: digest(), device: device.clone() };
        let sign_in =
            SignIn { user: user.id, epochs: user.epochs, at: seen, clears_attempts: true, device: device_row };
        backend.stores.accounts.record_sign_in(&sign_in, &|_| Evidence::none()).await.unwrap().unwrap();
        if user.id == one.id {
            own.insert(0, device);
        }
    }
    let devices = &backend.stores.devices;
    assert_eq!(devices.list(one.id, at).await.unwrap(), own);
    // The newest here expires first.
    assert_eq!(devices.list(one.id, at + 7 * HOUR - TICK).await.unwrap(), own);
    assert_eq!(devices.list(one.id, at + 7 * HOUR).await.unwrap(), own[1..]);
    assert_eq!(devices.list(UserId::new(at), at).await.unwrap(), []);
}
