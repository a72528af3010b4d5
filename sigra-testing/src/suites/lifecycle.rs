//! [`LifecycleStore`](sigra_core::ports::LifecycleStore): disabling, scheduling and taking back. What is erased is in
//! [`erasing`](super::erasing).

use sigra_core::evidence::Evidence;
use sigra_core::id::{DeviceId, UserId};
use sigra_core::ports::{Recovered, SignIn, SignInDevice};
use sigra_core::registration::{AddressRequest, MailedToken, RequestKind, TokenOwner};
use sigra_core::secret::{Digest, Purpose};
use sigra_core::session::Device;
use sigra_core::time::Timestamp;
use sigra_core::user::{Epochs, User};

use super::Backend;
use super::press::Press;
use super::support::*;

suite! {
    lc_01_scheduling_ends_what_was_handed_out,
    scheduling_needs_an_account_that_stands_and_is_not_scheduled,
    lc_03_one_of_many_schedules_wins,
    a_sign_in_and_a_scheduling_at_once_leave_no_live_session,
    cancelling_forgets_the_way_back,
    cancelling_needs_a_deletion_that_is_not_due,
    lc_01_an_undo_restores_and_starts_a_reset,
    an_undo_needs_a_live_token_and_a_deletion_that_is_not_due,
    tk_03_one_of_many_undos_wins,
    a_rescue_takes_a_deletion_back,
    se_15_disabling_ends_what_was_handed_out_and_enabling_brings_none_back,
    se_15_one_of_many_disables_wins,
    au_02_nothing_is_done_without_its_evidence,
}

/// The date is set, the epoch raised, devices and tokens forgotten; rescue tokens stay.
pub async fn lc_01_scheduling_ends_what_was_handed_out(backend: &Backend) {
    let (user, other) = (account(backend).await, account(backend).await);
    let (link, rescue) = (mail_token(backend, &user, Purpose::MAGIC_LINK).await, rescue_token(&user));
    keep(backend, &rescue).await;
    let theirs = mail_token(backend, &other, Purpose::MAGIC_LINK).await;
    let device = device(backend, &user).await;
    let (user, due_at) = (stored(backend, user.id).await, now() + HOUR);
    let undo = undo_token(&user, due_at);
    let evidence = |user: &User| trace(user.id).and_token(undo.clone());
    let lifecycle = &backend.stores.lifecycle;
    let changed = lifecycle.schedule_deletion(user.id, Some(user.epochs), due_at, &evidence).await.unwrap().unwrap();
    assert_eq!(changed, User { deletion_due_at: Some(due_at), epochs: raised_once(&user), ..user.clone() });
    assert_eq!(stored(backend, user.id).await, changed);
    assert!(!is_live(backend, &link).await && backend.stores.devices.find(device, now()).await.unwrap().is_none());
    assert!(is_live(backend, &rescue).await && is_live(backend, &undo).await && is_live(backend, &theirs).await);
    let by_address = backend.stores.accounts.find_by_email(&user.email).await.unwrap().unwrap();
    assert_eq!(by_address.user, changed);
    assert!(by_address.password.is_some(), "the password is the way back");
    assert_eq!(traces(backend, user.id).await, 1);
}

/// Other epochs, a disabled account, none at all, or a deletion that is scheduled: nothing changes.
pub async fn scheduling_needs_an_account_that_stands_and_is_not_scheduled(backend: &Backend) {
    let user = account(backend).await;
    let Epochs { security, factor } = user.epochs;
    for epochs in [Epochs { security: security + 1, factor }, Epochs { security, factor: factor + 1 }] {
        assert_eq!(schedule(backend, user.id, Some(epochs)).await, None);
    }
    assert_eq!(schedule(backend, UserId::new(now()), None).await, None);
    assert_eq!(stored(backend, user.id).await, user);
    let changed = schedule(backend, user.id, None).await.expect("an operator needs no epochs");
    assert_eq!(schedule(backend, user.id, Some(changed.epochs)).await, None);
    assert_eq!(schedule(backend, user.id, None).await, None);
    assert_eq!(stored(backend, user.id).await, changed);
    assert_eq!(traces(backend, user.id).await, 1);
    let disabled = disable(backend, account(backend).await.id).await.expect("it was enabled");
    assert_eq!(schedule(backend, disabled.id, Some(disabled.epochs)).await, None);
    assert!(schedule(backend, disabled.id, None).await.is_some());
}

/// Of many who schedule at once, one does, and the epoch rises once.
pub async fn lc_03_one_of_many_schedules_wins(backend: &Backend) {
    let user = account(backend).await;
    let outcomes = race(CONTENDERS, |number| {
        let (backend, id, epochs) = (backend.clone(), user.id, user.epochs);
        async move { schedule(&backend, id, (number % 2 == 0).then_some(epochs)).await }
    })
    .await;
    assert_eq!(count(&outcomes, Option::is_some), 1);
    assert_eq!(stored(backend, user.id).await.epochs, raised_once(&user));
    assert_eq!(traces(backend, user.id).await, 1);
}

/// Whichever of a sign-in and a scheduling comes first, no session stands under the account's epochs afterwards.
pub async fn a_sign_in_and_a_scheduling_at_once_leave_no_live_session(backend: &Backend) {
    let user = account(backend).await;
    let mut sessions = Vec::new();
    for _ in 1..CONTENDERS {
        sessions.push(Press::at(backend, now()).session(&user).await);
    }
    race(CONTENDERS, |number| {
        let (backend, user, session) = (backend.clone(), user.clone(), sessions.get(number).cloned());
        async move {
            match session {
                Some(session) => drop(backend.stores.sessions.insert(&session, &|_| Evidence::none()).await.unwrap()),
                None => drop(schedule(&backend, user.id, Some(user.epochs)).await.expect("nothing else raises it")),
            }
        }
    })
    .await;
    let user = stored(backend, user.id).await;
    let left = backend.stores.sessions.list(user.id, 100).await.unwrap();
    assert_eq!(count(&left, |session| user.stands(session.epochs)), 0);
}

/// The date goes, and so do the tokens that could have taken it back; nothing else does.
pub async fn cancelling_forgets_the_way_back(backend: &Backend) {
    let (user, other) = (scheduled(backend).await, scheduled(backend).await);
    let tokens = [undo_token(&user, now() + HOUR), rescue_token(&user), undo_token(&other, now() + HOUR)];
    for token in &tokens {
        keep(backend, token).await;
    }
    let link = mail_token(backend, &user, Purpose::MAGIC_LINK).await;
    let changed = cancel(backend, user.id, Some(user.epochs), now()).await.expect("it is not due");
    assert_eq!(changed, User { deletion_due_at: None, ..user.clone() });
    assert_eq!(stored(backend, user.id).await, changed);
    assert!(!is_live(backend, &tokens[0]).await && is_live(backend, &tokens[1]).await && is_live(backend, &link).await);
    assert!(is_live(backend, &tokens[2]).await, "another's stays");
    assert_eq!(traces(backend, user.id).await, 2);
}

/// Due by the microsecond, other epochs, none scheduled: nothing changes.
pub async fn cancelling_needs_a_deletion_that_is_not_due(backend: &Backend) {
    let user = scheduled(backend).await;
    let due_at = user.deletion_due_at.unwrap();
    for at in [due_at, due_at + HOUR] {
        assert_eq!(cancel(backend, user.id, None, at).await, None);
    }
    let other = Epochs { security: user.epochs.security - 1, ..user.epochs };
    assert_eq!(cancel(backend, user.id, Some(other), now()).await, None);
    assert_eq!(stored(backend, user.id).await, user);
    assert!(cancel(backend, user.id, None, due_at - TICK).await.is_some());
    assert_eq!(cancel(backend, user.id, None, now()).await, None);
    assert_eq!(cancel(backend, UserId::new(now()), None, now()).await, None);
    assert_eq!(traces(backend, user.id).await, 2);
}

/// Does what a rescue and a cancelling do, in one step.
pub async fn lc_01_an_undo_restores_and_starts_a_reset(backend: &Backend) {
    let user = scheduled(backend).await;
    let (undo, spare) = (undo_token(&user, now() + HOUR), undo_token(&user, now() + HOUR));
    keep(backend, &undo).await;
    keep(backend, &spare).await;
    let (link, device) = (mail_token(backend, &user, Purpose::MAGIC_LINK).await, device(backend, &user).await);
    let (user, wanted) = (stored(backend, user.id).await, request(RequestKind::RescueReset, &user.email));
    let changed = take_back(backend, undo.digest, now(), &wanted).await.expect("the token is live");
    let restored = User { deletion_due_at: None, has_password: false, epochs: raised_once(&user), ..user.clone() };
    assert_eq!(changed, restored);
    let found = backend.stores.accounts.find(user.id).await.unwrap().unwrap();
    assert_eq!((found.user, found.password.is_none()), (restored, true));
    for dead in [&undo, &spare, &link] {
        assert!(!is_live(backend, dead).await);
    }
    assert!(backend.stores.devices.find(device, now()).await.unwrap().is_none());
    assert_eq!(lease_request(backend, wanted.id).await.request.kind, RequestKind::RescueReset);
    assert_eq!(traces(backend, user.id).await, 2);
}

/// A token that is unknown, expired, of epochs, or of an account that is not to be deleted or due changes nothing.
pub async fn an_undo_needs_a_live_token_and_a_deletion_that_is_not_due(backend: &Backend) {
    let user = scheduled(backend).await;
    let due_at = user.deletion_due_at.unwrap();
    let undo = undo_token(&user, due_at + HOUR);
    let bound = TokenOwner::User { id: user.id, epochs: Some(user.epochs) };
    let bound = MailedToken { owner: bound, ..undo_token(&user, due_at) };
    let (kept, wanted) = (account(backend).await, request(RequestKind::RescueReset, &user.email));
    let idle = undo_token(&kept, now() + HOUR);
    for token in [&undo, &bound, &idle] {
        keep(backend, token).await;
    }
    let dead = [(digest(), now()), (bound.digest, now()), (idle.digest, now()), (undo.digest, due_at)];
    for (digest, at) in dead.into_iter().chain([(undo.digest, undo.expires_at)]) {
        assert_eq!(take_back(backend, digest, at, &wanted).await, None);
    }
    assert_eq!((stored(backend, user.id).await, stored(backend, kept.id).await), (user.clone(), kept));
    assert!(lease_requests(backend, &[wanted.id], now()).await.is_empty());
    assert_eq!(traces(backend, user.id).await, 1);
    assert!(take_back(backend, undo.digest, due_at - TICK, &wanted).await.is_some());
}

/// Of many who redeem one token at once, one does.
pub async fn tk_03_one_of_many_undos_wins(backend: &Backend) {
    let user = scheduled(backend).await;
    let undo = undo_token(&user, now() + HOUR);
    keep(backend, &undo).await;
    let outcomes = race(CONTENDERS, |_| {
        let (backend, digest) = (backend.clone(), undo.digest);
        let wanted = request(RequestKind::RescueReset, &user.email);
        async move { take_back(&backend, digest, now(), &wanted).await }
    })
    .await;
    assert_eq!(count(&outcomes, Option::is_some), 1);
    assert_eq!(stored(backend, user.id).await.epochs, raised_once(&user));
    assert_eq!(traces(backend, user.id).await, 2);
}

/// Whoever is disowned may have asked for the deletion. One that is due stays due.
pub async fn a_rescue_takes_a_deletion_back(backend: &Backend) {
    for due in [false, true] {
        let user = scheduled(backend).await;
        let (rescue, undo) = (rescue_token(&user), undo_token(&user, now() + 3 * HOUR));
        let rescue = MailedToken { expires_at: now() + 3 * HOUR, ..rescue };
        keep(backend, &rescue).await;
        keep(backend, &undo).await;
        let at = if due { user.deletion_due_at.unwrap() } else { now() };
        let make = |user: &User| request(RequestKind::RescueReset, &user.email);
        let accounts = &backend.stores.accounts;
        let rescued = accounts.rescue(rescue.digest, at, &make, &|_| Evidence::none()).await.unwrap();
        let changed = rescued.expect("the token is live").user;
        assert_eq!(changed.deletion_due_at, user.deletion_due_at.filter(|_| due));
        assert_eq!(stored(backend, user.id).await, changed);
        assert!(!is_live(backend, &undo).await);
    }
}

/// The time is set, the epoch raised, devices and tokens forgotten; rescue tokens are dead until it is enabled. What was ended
/// stays ended.
pub async fn se_15_disabling_ends_what_was_handed_out_and_enabling_brings_none_back(backend: &Backend) {
    let user = account(backend).await;
    let (link, rescue) = (mail_token(backend, &user, Purpose::MAGIC_LINK).await, rescue_token(&user));
    keep(backend, &rescue).await;
    let device = device(backend, &user).await;
    let user = stored(backend, user.id).await;
    let lifecycle = &backend.stores.lifecycle;
    let evidence = |user: &User| trace(user.id);
    let at = now();
    assert_eq!(lifecycle.enable(user.id, at, &evidence).await.unwrap(), None, "it is not disabled");
    let disabled = lifecycle.disable(user.id, at, &evidence).await.unwrap().expect("it is enabled");
    assert_eq!(disabled, User { disabled_at: Some(at), epochs: raised_once(&user), ..user.clone() });
    assert_eq!(stored(backend, user.id).await, disabled);
    assert!(!is_live(backend, &link).await && !is_live(backend, &rescue).await);
    assert!(backend.stores.devices.find(device, now()).await.unwrap().is_none());
    assert_eq!(lifecycle.disable(user.id, at + HOUR, &evidence).await.unwrap(), None, "it is disabled");
    let enabled = lifecycle.enable(user.id, at, &evidence).await.unwrap().expect("it is disabled");
    assert_eq!(enabled, User { disabled_at: None, ..disabled });
    assert_eq!(stored(backend, user.id).await, enabled);
    assert!(!is_live(backend, &link).await && is_live(backend, &rescue).await);
    let nobody = UserId::new(now());
    assert_eq!(lifecycle.disable(nobody, at, &evidence).await.unwrap(), None);
    assert_eq!(lifecycle.enable(nobody, at, &evidence).await.unwrap(), None);
    assert_eq!(traces(backend, user.id).await, 2);
}

/// Of many who disable at once, one does; of many who enable, one does.
pub async fn se_15_one_of_many_disables_wins(backend: &Backend) {
    let user = account(backend).await;
    for enables in [false, true] {
        let outcomes = race(CONTENDERS, |_| {
            let (backend, id) = (backend.clone(), user.id);
            async move {
                if !enables {
                    return disable(&backend, id).await;
                }
                backend.stores.lifecycle.enable(id, now(), &|user: &User| trace(user.id)).await.unwrap()
            }
        })
        .await;
        assert_eq!(count(&outcomes, Option::is_some), 1);
    }
    assert_eq!(stored(backend, user.id).await, User { epochs: raised_once(&user), ..user.clone() });
    assert_eq!(traces(backend, user.id).await, 2);
}

/// Evidence that cannot be committed undoes its change.
pub async fn au_02_nothing_is_done_without_its_evidence(backend: &Backend) {
    let (user, doomed) = (account(backend).await, scheduled(backend).await);
    let undo = undo_token(&doomed, now() + HOUR);
    keep(backend, &undo).await;
    let spent = spent(backend).await;
    let evidence = |_: &User| spent.clone();
    let lifecycle = &backend.stores.lifecycle;
    let wanted = request(RequestKind::RescueReset, &doomed.email);
    let make = |_: &User| wanted.clone();
    assert!(lifecycle.schedule_deletion(user.id, None, now() + HOUR, &evidence).await.is_err());
    assert!(lifecycle.disable(user.id, now(), &evidence).await.is_err());
    assert!(lifecycle.cancel_deletion(doomed.id, None, now(), &evidence).await.is_err());
    assert!(lifecycle.undo_deletion(undo.digest, now(), &make, &|_| spent.clone()).await.is_err());
    assert_eq!((stored(backend, user.id).await, stored(backend, doomed.id).await), (user, doomed));
    assert!(is_live(backend, &undo).await);
    assert!(lease_requests(backend, &[wanted.id], now()).await.is_empty());
}

/// An account whose deletion is due in an hour.
pub(super) async fn scheduled(backend: &Backend) -> User {
    schedule(backend, account(backend).await.id, None).await.expect("nothing stands against it")
}

pub(super) async fn schedule(backend: &Backend, user: UserId, under: Option<Epochs>) -> Option<User> {
    let evidence = |user: &User| trace(user.id);
    backend.stores.lifecycle.schedule_deletion(user, under, now() + HOUR, &evidence).await.unwrap()
}

pub(super) async fn cancel(backend: &Backend, user: UserId, under: Option<Epochs>, at: Timestamp) -> Option<User> {
    backend.stores.lifecycle.cancel_deletion(user, under, at, &|user: &User| trace(user.id)).await.unwrap()
}

async fn take_back(backend: &Backend, digest: Digest, at: Timestamp, wanted: &AddressRequest) -> Option<User> {
    let make = |user: &User| AddressRequest { email: user.email.clone(), ..wanted.clone() };
    let evidence = |restored: &Recovered| trace(restored.user.id);
    let restored = backend.stores.lifecycle.undo_deletion(digest, at, &make, &evidence).await.unwrap()?;
    assert!(!restored.reclaimed, "the account was confirmed");
    Some(restored.user)
}

async fn disable(backend: &Backend, user: UserId) -> Option<User> {
    backend.stores.lifecycle.disable(user, now(), &|user: &User| trace(user.id)).await.unwrap()
}

pub(super) fn undo_token(user: &User, expires_at: Timestamp) -> MailedToken {
    let owner = TokenOwner::User { id: user.id, epochs: None };
    MailedToken { owner, expires_at, ..token(user, Purpose::REACTIVATE) }
}

fn raised_once(user: &User) -> Epochs {
    Epochs { security: user.epochs.security + 1, ..user.epochs }
}

async fn device(backend: &Backend, user: &User) -> Digest {
    let (at, digest) = (now(), digest());
    let id = DeviceId::new(at);
    let device = Device { id, user: user.id, created_at: at, last_seen_at: at, expires_at: at + HOUR };
    let device = SignInDevice::New { digest, device };
    let sign_in = SignIn { user: user.id, epochs: user.epochs, at, clears_attempts: true, device };
    let recorded = backend.stores.accounts.record_sign_in(&sign_in, &|_| Evidence::none()).await.unwrap();
    assert!(recorded.is_some(), "nothing is against it");
    digest
}
